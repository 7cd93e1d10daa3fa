import { Code, ConnectError } from '@connectrpc/connect';
import { ProofChallengeSchema } from '@truffle/api/tenant/v1/session';
import { WhoAmIResponseSchema, type WhoAmIResponse } from '@truffle/api/tenant/v1/account_service';
import { Role } from '@truffle/api/tenant/v1/account';
import type { Handler } from '../command.ts';
import type { StoredContext } from '../context/config-file.ts';
import { NotSignedInError, UsageError } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';
import { readInput } from '../invoke.ts';
import { present } from '../lookup/find.ts';
import { asJson } from '../output/output.ts';
import { card } from '../output/table.ts';
import { stateName } from '../output/text.ts';
import { readPassword } from '../person/person.input.ts';
import { askProof } from '../person/person.proof.ts';
import { askText } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';

interface LoginFlags {
  readonly email?: string;
  readonly password?: boolean;
  readonly passwordFile?: string;
  /** False with `--no-browser`. */
  readonly browser: boolean;
  readonly withToken?: boolean;
}

export const login: Handler<LoginFlags> = async (cli, _, flags) => {
  await keepSession(cli, await credential(cli, flags));
};

/** Keeps a session in the config, with the places that its commands work in. */
export async function keepSession(cli: Invocation, token: string): Promise<void> {
  const endpoint = cli.context().endpoint.value;
  const session = await cli.sessionWith(token);
  const who = await session.api.accounts.whoAmI({});
  const name = cli.flags.context ?? cli.env['TRUFFLE_CONTEXT'] ?? new URL(endpoint).host;
  const had = cli.config.read().contexts[name];
  const stored: StoredContext = { endpoint, token, user: userOf(who), ...(await places(cli, session)) };
  cli.config.change((config) => ({ ...config, current: name, contexts: { ...config.contexts, [name]: stored } }));
  if (had?.endpoint === endpoint && had.token !== token) await endReplaced(cli, had.token);
  await cli.out.plain(
    { context: name, endpoint, user: stored.user, org: stored.org ?? null, project: stored.project ?? null },
    `signed in at ${endpoint} as ${stored.user}`,
    name,
  );
  const local = cli.projectFile();
  if (local !== undefined && cli.flags.context === undefined)
    cli.notes.warn(`in this folder ${local} comes first; add --context ${name} to use this session here`);
}

/** Ends the session that this one stands in the place of; a key stays good. */
async function endReplaced(cli: Invocation, token: string | undefined): Promise<void> {
  if (token?.startsWith('tfs_') !== true) return;
  try {
    await (await cli.sessionWith(token)).api.accounts.signOut({});
  } catch (error) {
    if (ConnectError.from(error).code !== Code.Unauthenticated)
      cli.notes.warn('the session that was kept here before is still good: truffle session list');
  }
  forgetToken(cli, token);
}

async function credential(cli: Invocation, flags: LoginFlags): Promise<string> {
  const byPassword = flags.password ?? flags.email ?? flags.passwordFile;
  const ways = [flags.withToken, cli.flags.tokenFile, byPassword, flags.browser ? undefined : true];
  if (ways.filter((way) => way !== undefined).length > 1)
    throw new UsageError('--token-file, --with-token, --no-browser and a password exclude each other');
  if (flags.withToken === true) return readToken('-', '--with-token');
  if (cli.flags.tokenFile !== undefined) return readToken(cli.flags.tokenFile, '--token-file');
  if (byPassword !== undefined) return passwordLogin(cli, flags);
  return (await import('./account.device.ts')).deviceLogin(cli, flags.browser);
}

async function passwordLogin(cli: Invocation, flags: LoginFlags): Promise<string> {
  const email = flags.email ?? (await askText(cli, 'Address', '--email'));
  const password = await readPassword(cli, flags);
  const { api } = await cli.sessionWith(undefined);
  try {
    return (await api.accounts.signIn({ email, password })).sessionToken;
  } catch (error) {
    const [challenge] = ConnectError.from(error).findDetails(ProofChallengeSchema);
    if (challenge === undefined || !cli.interactive) throw error;
    return (await api.sessions.completeSignIn({ proof: await askProof(cli, challenge) })).sessionToken;
  }
}

function readToken(path: string, option: string): string {
  const token = readInput(path, option).trim();
  if (token === '') throw new UsageError(`${option}: the token is empty`);
  return token;
}

/** The organization and project that later commands work in: what was asked for, or where there is no choice. */
async function places(cli: Invocation, session: Session): Promise<{ org?: string; project?: string }> {
  const asked = cli.flags.org !== undefined || cli.flags.project !== undefined;
  const organizations = await session.organizations();
  if (!asked && organizations.length !== 1) {
    cli.notes.say('choose an organization: truffle context use --org NAME');
    return {};
  }
  const here = asked ? session : await plainSession(session);
  const org = await here.orgId();
  try {
    return { org, project: await here.projectId() };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    cli.notes.say('choose a project: truffle context use --project NAME');
    return { org };
  }
}

/** Without what other sources say of organization and project: they belong to another sign-in. */
async function plainSession(session: Session): Promise<Session> {
  const { Session: Made } = await import('../session.ts');
  return new Made(session.api, { ...session.context, org: undefined, project: undefined });
}

/** Takes a credential that has ended out of every context that holds it. */
export const forgetToken = (cli: Invocation, token: string): void =>
  cli.config.change((config) => ({
    ...config,
    contexts: Object.fromEntries(
      Object.entries(config.contexts).map(([name, each]) => [
        name,
        each.token === token ? { endpoint: each.endpoint } : each,
      ]),
    ),
  }));

export const logout: Handler = async (cli) => {
  const { endpoint, token } = cli.context();
  if (token === undefined) throw new NotSignedInError(endpoint.value);
  if (token.source !== 'config')
    throw new UsageError(`the credential in use comes from the ${token.source}, not from a login`, {
      next: ['truffle context list', 'truffle logout --context NAME'],
    });
  const session = await cli.session();
  const { user } = await session.api.accounts.whoAmI({}).catch(() => ({ user: undefined }));
  // A session is ended at the server too; an API key stays good for its other users.
  if (user !== undefined) await session.api.accounts.signOut({});
  forgetToken(cli, token.value);
  await cli.out.plain({ endpoint: endpoint.value, signedIn: false }, `signed out at ${endpoint.value}`, endpoint.value);
};

export const whoAmI: Handler = async (cli) => {
  const session = await cli.session();
  const who = await session.api.accounts.whoAmI({});
  const roles = who.bindings.map((each) => ['role', `${stateName(Role, each.role)} of ${each.scopeId}`] as const);
  await cli.out.plain(
    await asJson(WhoAmIResponseSchema, who),
    card([
      [kindOf(who), userOf(who)],
      ...(who.actedBy === '' ? [] : [['acted by', who.actedBy] as const]),
      ['at', session.context.endpoint.value],
      ...roles,
    ]),
    userOf(who),
  );
};

const userOf = (who: WhoAmIResponse): string =>
  who.user?.email ?? who.serviceAccount?.name ?? who.trust?.name ?? present(who.apiKey).name;

const kindOf = (who: WhoAmIResponse): string => {
  if (who.user !== undefined) return 'person';
  if (who.serviceAccount !== undefined) return 'service account';
  return who.trust === undefined ? 'key' : 'workload of';
};
