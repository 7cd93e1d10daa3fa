import { LinkedIdentitySchema } from '@truffle/api/tenant/v1/sso_service';
import { openBrowser } from '../account/account.browser.ts';
import type { Handler } from '../command.ts';
import { InterruptedError, UsageError } from '../failure/cli-error.ts';
import { readInput } from '../invoke.ts';
import { present } from '../lookup/find.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { View } from '../output/output.ts';
import { age } from '../output/text.ts';
import { askSecret, askYes } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';
import { findConnection } from '../sso/sso.verbs.ts';

const identityView: View<typeof LinkedIdentitySchema> = {
  schema: LinkedIdentitySchema,
  name: (each) => each.id,
  columns: {
    PROVIDER: (each) => each.issuer,
    'YOU ARE': (each) => each.subject,
    ORGANIZATION: (each) => each.orgId,
    LINKED: (each, now) => age(each.createdAt, now),
    USED: (each, now) => age(each.lastUsedAt, now),
    ID: (each) => each.id,
  },
};

const identities = ({ api }: Session) =>
  everyPage(async (page) => {
    const answer = await api.sso.listIdentities({ page });
    return { items: answer.identities, next: answer.page?.next };
  });

export const list: Handler = async (cli) => cli.out.list(identityView, await identities(await cli.session()));

export const link: Handler<{ readonly answerFile?: string }> = async (cli, [name = ''], { answerFile }) => {
  const session = await cli.session();
  const connectionId = await findConnection(session, name);
  // The answer is asked for after the link began: it is for this one alone.
  if (!cli.interactive && answerFile === undefined)
    throw new UsageError("can't ask here for the address that you are sent back to", {
      next: ['run it on a terminal, or give --answer-file -'],
    });
  const { url, binding } = await session.api.sso.beginLink({ connectionId });
  const opened = cli.interactive && openBrowser(url, cli.env);
  cli.notes.say(`${opened ? 'your browser opens; if it does not, open' : 'open in a browser'} ${url}`);
  const answer =
    answerFile === undefined
      ? await askSecret(cli, 'Address that you were sent back to', '--answer-file')
      : readInput(answerFile, '--answer-file');
  const given = parametersOf(answer.trim());
  const { identity } = await session.api.sso.finishLink({ ...given, binding });
  await cli.out.one(identityView, present(identity));
};

/** @throws UsageError for what is no answer of a provider */
function parametersOf(answer: string): { readonly code: string; readonly state: string; readonly iss: string } {
  const at = URL.canParse(answer) ? new URL(answer).searchParams : new URLSearchParams(answer);
  const [code, state] = [at.get('code') ?? '', at.get('state') ?? ''];
  if (code === '' || state === '')
    throw new UsageError(at.get('error') === null ? 'this is no answer of a provider' : 'the provider refused', {
      next: ['copy the whole address, with code and state', 'or begin again: truffle identity link NAME'],
    });
  return { code, state, iss: at.get('iss') ?? '' };
}

export const unlink: Handler<{ readonly yes?: boolean }> = async (cli, [id = ''], { yes = false }) => {
  const session = await cli.session();
  const named = (await identities(session)).map((each) => ({ id: each.id, name: each.id, issuer: each.issuer }));
  const found = findByName('link', id, named, ['truffle identity list']);
  if (!yes && !(await askYes(cli, `Sign in by ${found.issuer} no longer, and end the sessions that it opened?`)))
    throw new InterruptedError('nothing was done', ['truffle identity list']);
  await session.api.sso.unlink({ identityId: found.id });
  await cli.out.plain({ id: found.id, unlinked: true }, `${found.issuer} is linked no longer`, found.id);
};
