import { AccessHolderSchema, AccessVerdict, type AccessReason } from '@truffle/api/tenant/v1/access';
import { ExplainAccessResponseSchema, ExplainOwnAccessResponseSchema } from '@truffle/api/tenant/v1/access_service';
import { idKind } from '@truffle/ids';
import type { Handler } from '../command.ts';
import { UsageError } from '../failure/cli-error.ts';
import { everyPage } from '../lookup/pages.ts';
import { asJson, type View } from '../output/output.ts';
import { when } from '../output/text.ts';
import type { Session } from '../session.ts';
import { readSubject } from './access.subject.ts';

const verdicts: Readonly<Record<AccessVerdict, string>> = {
  [AccessVerdict.UNSPECIFIED]: '?',
  [AccessVerdict.ALLOWS]: 'allows',
  [AccessVerdict.DENIES]: 'denies',
  [AccessVerdict.OTHER_PERMISSIONS]: 'has not the permission',
  [AccessVerdict.ELSEWHERE]: 'is at another place',
  [AccessVerdict.NOT_YET]: 'has not begun',
  [AccessVerdict.EXPIRED]: 'is over',
  [AccessVerdict.NARROWED]: 'is beyond what the key is narrowed to',
};

const holderView: View<typeof AccessHolderSchema> = {
  schema: AccessHolderSchema,
  name: (each) => each.displayName || each.subject,
  columns: {
    WHO: (each) => each.displayName || each.subject,
    BY: (each) => each.reasons.map(by).join(', '),
    SUBJECT: (each) => each.subject,
  },
};

const by = ({ roleName, groupName, binding }: AccessReason): string =>
  `${roleName} at ${binding?.scopeId ?? '?'}${groupName === '' ? '' : ` through ${groupName}`}`;

/** A line for each binding: what it means, the role and place, and when it holds. */
function lineOf(reason: AccessReason): string {
  const { startsAt, expiresAt, id } = reason.binding ?? {};
  const times = [
    startsAt === undefined ? '' : ` from ${when(startsAt)}`,
    expiresAt === undefined ? '' : ` until ${when(expiresAt)}`,
  ].join('');
  return `  ${verdicts[reason.verdict]}: ${by(reason)}${times} (${id ?? '?'})`;
}

async function readResource(session: Session, text = 'project'): Promise<string> {
  if (text === 'project') return session.projectId();
  if (text === 'org') return session.orgId();
  if (idKind(text) !== undefined) return text;
  throw new UsageError(`${text} is no resource`, { next: ['org, project or an id, as --output json prints it'] });
}

export const explain: Handler<{ readonly who?: string }> = async (cli, [permission = '', resource], { who }) => {
  const session = await cli.session();
  const question = { permission, resourceId: await readResource(session, resource) };
  const [schema, answer] =
    who === undefined
      ? ([ExplainOwnAccessResponseSchema, await session.api.access.explainOwnAccess(question)] as const)
      : ([
          ExplainAccessResponseSchema,
          await session.api.access.explainAccess({ ...question, ...(await readSubject(session, who)) }),
        ] as const);
  const text = [answer.summary, ...answer.reasons.map(lineOf)].join('\n');
  await cli.out.plain(await asJson(schema as never, answer as never), text, answer.allowed ? 'allowed' : 'refused');
};

export const whoCan: Handler = async (cli, [permission = '', resource]) => {
  const session = await cli.session();
  const question = { permission, resourceId: await readResource(session, resource) };
  const holders = await everyPage(async (page) => {
    const answer = await session.api.access.whoCan({ ...question, page });
    return { items: answer.holders, next: answer.page?.next };
  });
  await cli.out.list(holderView, holders);
};
