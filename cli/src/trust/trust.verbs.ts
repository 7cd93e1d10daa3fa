import { Role } from '@truffle/api/tenant/v1/account';
import { TrustSchema, WorkloadTokenSchema } from '@truffle/api/tenant/v1/trust';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { readRole, readScope } from '../account/account.role.ts';
import { findServiceAccount } from '../access/access.subject.ts';
import type { Handler } from '../command.ts';
import { parseDuration } from '../context/duration.ts';
import { keyed } from '../connection/connection.ts';
import { UsageError } from '../failure/cli-error.ts';
import { readInput } from '../invoke.ts';
import { present } from '../lookup/find.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { View } from '../output/output.ts';
import { stateName, when } from '../output/text.ts';
import { demandName } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';

const trustView: View<typeof TrustSchema> = {
  schema: TrustSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    ISSUER: (each) => each.issuer,
    ROLE: (each) => (each.serviceAccountId === '' ? stateName(Role, each.role) : each.serviceAccountId),
    WHERE: (each) => each.scopeId,
    STATE: (each) => (each.revokedAt === undefined ? 'good' : 'revoked'),
    ID: (each) => each.id,
  },
};

const tokenView: View<typeof WorkloadTokenSchema> = {
  schema: WorkloadTokenSchema,
  name: (each) => each.id,
  columns: {
    WORKLOAD: (each) => each.subject,
    FROM: (each) => each.address || '-',
    ENDS: (each) => when(each.expiresAt),
    STATE: (each, now) =>
      each.revokedAt !== undefined
        ? 'revoked'
        : each.expiresAt !== undefined && timestampMs(each.expiresAt) <= now
          ? 'ended'
          : 'good',
    ID: (each) => each.id,
  },
};

const trusts = async (session: Session, orderBy = '') => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.trusts.listTrusts({ orgId, orderBy, page });
    return { items: answer.trusts, next: answer.page?.next };
  });
};

interface CreateFlags {
  readonly issuer?: string;
  readonly audience?: string;
  readonly condition?: readonly string[];
  readonly role?: string;
  readonly serviceAccount?: string;
  readonly scope?: string;
  readonly lifetime?: string;
}

/** Workloads act as a service account, or with a role of their own. */
const powerOf = async (session: Session, { role, serviceAccount }: CreateFlags) =>
  serviceAccount === undefined
    ? { role: readRole(role) }
    : { serviceAccountId: (await findServiceAccount(session, serviceAccount)).id };

export const create: Handler<CreateFlags> = async (cli, [name = ''], flags) => {
  const { issuer, audience, condition = [] } = flags;
  if (issuer === undefined || audience === undefined || condition.length === 0)
    throw new UsageError('--issuer, --audience and --condition are required', {
      next: ['truffle trust create --help'],
    });
  const conditions = condition.map((each) => {
    const [claim = '', pattern = ''] = each.split(/=(.*)/s);
    if (pattern === '')
      throw new UsageError(`--condition ${each} is none`, { next: ['--condition sub=repo:acme/web:*'] });
    return { claim, pattern };
  });
  if ((flags.role === undefined) === (flags.serviceAccount === undefined))
    throw new UsageError('say either --service-account or --role', { next: ['truffle trust create --help'] });
  const lifetimeSeconds =
    flags.lifetime === undefined ? 0 : Math.round(parseDuration(flags.lifetime, '--lifetime') / 1000);
  const session = await cli.session();
  const scopeId = await readScope(session, flags.scope);
  const { trust } = await session.api.trusts.createTrust(
    { scopeId, name, issuer, audience, conditions, ...(await powerOf(session, flags)), lifetimeSeconds },
    keyed(),
  );
  await cli.out.one(trustView, present(trust));
};

export const list: Handler<SortFlags> = async (cli, _, { sort }) =>
  cli.out.list(trustView, await trusts(await cli.session(), sort));

export const tokens: Handler<SortFlags> = async (cli, [name = ''], { sort: orderBy = '' }) => {
  const session = await cli.session();
  const { id: trustId } = findByName('trust', name, await trusts(session), ['truffle trust list']);
  const found = await everyPage(async (page) => {
    const answer = await session.api.trusts.listWorkloadTokens({ trustId, orderBy, page });
    return { items: answer.tokens, next: answer.page?.next };
  });
  await cli.out.list(tokenView, found);
};

export const revoke: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const { id: trustId } = findByName('trust', name, await trusts(session), ['truffle trust list']);
  await demandName(cli, `ends the trust ${name} and its tokens`, name, yes);
  await session.api.trusts.revokeTrust({ trustId });
  await cli.out.plain({ id: trustId, revoked: true }, `trust ${name} ended`, trustId);
};

export const exchange: Handler = async (cli, [trustId = '']) => {
  const { api } = await cli.sessionWith(undefined);
  const subjectToken = readInput('-', 'standard input').trim();
  const { accessToken, expiresAt } = await api.trusts.exchangeToken({ trustId, subjectToken });
  await cli.out.plain({ token: accessToken, expiresAt: when(expiresAt) }, accessToken, accessToken);
};
