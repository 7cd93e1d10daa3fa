import { ConnectionSchema, DomainSchema } from '@truffle/api/tenant/v1/connection';
import { Role } from '@truffle/api/tenant/v1/account';
import { readRole, readScope } from '../account/account.role.ts';
import type { Handler } from '../command.ts';
import { keyed } from '../connection/connection.ts';
import { UsageError } from '../failure/cli-error.ts';
import { readInput } from '../invoke.ts';
import { present } from '../lookup/find.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { View } from '../output/output.ts';
import { stateName } from '../output/text.ts';
import { demandName } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';

const connectionView: View<typeof ConnectionSchema> = {
  schema: ConnectionSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    ISSUER: (each) => each.issuer,
    STATE: (each) => (each.enabled ? 'on' : 'off'),
    GIVES: (each) =>
      each.mappings
        .map((m) => `${m.claim === '' ? 'everybody' : `${m.claim}=${m.value}`}: ${stateName(Role, m.role)}`)
        .join(', '),
    'REDIRECT URI': (each) => each.redirectUri,
    ID: (each) => each.id,
  },
};

const domainView: View<typeof DomainSchema> = {
  schema: DomainSchema,
  name: (each) => each.domain,
  columns: {
    DOMAIN: (each) => each.domain,
    STATE: (each) => (each.verifiedAt === undefined ? 'to be proven' : each.required ? 'required' : 'verified'),
    'TXT RECORD': (each) => each.recordName,
    VALUE: (each) => each.recordValue,
  },
};

const connections = async (session: Session, orderBy = '') => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.connections.listConnections({ orgId, orderBy, page });
    return { items: answer.connections, next: answer.page?.next };
  });
};

export const findConnection = async (session: Session, name: string) =>
  findByName('connection', name, await connections(session), ['truffle sso list']).id;

interface CreateFlags {
  readonly issuer?: string;
  readonly clientId?: string;
  readonly clientSecretFile?: string;
  readonly map?: readonly string[];
  readonly bearer?: boolean;
}

interface UpdateFlags extends CreateFlags {
  readonly name?: string;
  readonly scope?: readonly string[];
  readonly off?: boolean;
  readonly on?: boolean;
}

/** Changes what is said and keeps the rest: the secret, too. */
export const update: Handler<UpdateFlags> = async (cli, [name = ''], flags) => {
  if (flags.on === true && flags.off === true)
    throw new UsageError('--on and --off exclude each other', { next: ['truffle sso update --help'] });
  const session = await cli.session();
  const before = findByName('connection', name, await connections(session), ['truffle sso list']);
  const { clientSecretFile, map, scope } = flags;
  const { connection } = await session.api.connections.updateConnection({
    connectionId: before.id,
    name: flags.name ?? before.name,
    issuer: flags.issuer ?? before.issuer,
    clientId: flags.clientId ?? before.clientId,
    clientSecret: clientSecretFile === undefined ? '' : readInput(clientSecretFile, '--client-secret-file').trim(),
    scopes: [...(scope ?? before.scopes)],
    mappings: map === undefined ? before.mappings : await Promise.all(map.map((each) => mapping(session, each))),
    bearer: flags.bearer ?? before.bearer,
    enabled: flags.on ?? (flags.off === true ? false : before.enabled),
    revision: before.revision,
  });
  await cli.out.one(connectionView, present(connection));
};

export const create: Handler<CreateFlags> = async (
  cli,
  [name = ''],
  { issuer, clientId, clientSecretFile, map = [], bearer },
) => {
  if (issuer === undefined || clientId === undefined)
    throw new UsageError('--issuer and --client-id are required', { next: ['truffle sso create --help'] });
  const session = await cli.session();
  const clientSecret = clientSecretFile === undefined ? '' : readInput(clientSecretFile, '--client-secret-file').trim();
  const mappings = await Promise.all(map.map((each) => mapping(session, each)));
  const wanted = {
    orgId: await session.orgId(),
    name,
    issuer,
    clientId,
    clientSecret,
    mappings,
    bearer: bearer === true,
  };
  const { connection } = await session.api.connections.createConnection(wanted, keyed());
  await cli.out.one(connectionView, present(connection));
};

/** `groups=dev:operator`, `groups=dev:operator@prj_…`, or `:viewer` for everybody. */
async function mapping(session: Session, text: string) {
  const [, claim = '', value = '', role, scope] = /^(?:([^=:]+)=([^:]*))?:([a-z]+)(?:@(\w+))?$/.exec(text) ?? [];
  if (role === undefined)
    throw new UsageError(`--map ${text} is none`, { next: ['--map groups=dev:operator', '--map :viewer'] });
  return { claim, value, role: readRole(role), scopeId: await readScope(session, scope) };
}

export const list: Handler<SortFlags> = async (cli, _, { sort }) =>
  cli.out.list(connectionView, await connections(await cli.session(), sort));

export const remove: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const connectionId = await findConnection(session, name);
  await demandName(cli, `deletes the connection ${name}, its domains, links and sessions`, name, yes);
  await session.api.connections.deleteConnection({ connectionId });
  await cli.out.plain({ id: connectionId, deleted: true }, `connection ${name} deleted`, connectionId);
};

export const domains: Handler<SortFlags> = async (cli, _, { sort: orderBy = '' }) => {
  const session = await cli.session();
  const orgId = await session.orgId();
  const found = await everyPage(async (page) => {
    const answer = await session.api.connections.listDomains({ orgId, orderBy, page });
    return { items: answer.domains, next: answer.page?.next };
  });
  await cli.out.list(domainView, found);
};

type DomainChange = 'addDomain' | 'verifyDomain';

export const changeDomain =
  (change: DomainChange): Handler =>
  async (cli, [name = '', domain = '']) => {
    const session = await cli.session();
    const at = { connectionId: await findConnection(session, name), domain };
    await cli.out.one(domainView, present((await session.api.connections[change](at)).domain));
  };

export const require: Handler<{ readonly off?: boolean }> = async (cli, [name = '', domain = ''], { off = false }) => {
  const session = await cli.session();
  const at = { connectionId: await findConnection(session, name), domain, required: !off };
  await cli.out.one(domainView, present((await session.api.connections.requireDomain(at)).domain));
};

export const removeDomain: Handler = async (cli, [name = '', domain = '']) => {
  const session = await cli.session();
  await session.api.connections.removeDomain({ connectionId: await findConnection(session, name), domain });
  await cli.out.plain({ domain, removed: true }, `domain ${domain} removed`, domain);
};
