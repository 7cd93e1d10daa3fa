import { ConnectionSchema, DomainSchema } from '@truffle/api/tenant/v1/connection';
import { Role } from '@truffle/api/tenant/v1/account';
import { readRole, readScope } from '../account/account.role.ts';
import { repeated, type Handler, type Verb } from '../command.ts';
import { keyed } from '../connection/connection.ts';
import { UsageError } from '../failure/cli-error.ts';
import { readInput } from '../invoke.ts';
import { present } from '../lookup/find.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
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

const connections = async (session: Session) => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.connections.listConnections({ orgId, page });
    return { items: answer.connections, next: answer.page?.next };
  });
};

const find = async (session: Session, name: string) =>
  findByName('connection', name, await connections(session), ['truffle sso list']).id;

interface CreateFlags {
  readonly issuer?: string;
  readonly clientId?: string;
  readonly clientSecretFile?: string;
  readonly map?: readonly string[];
  readonly bearer?: boolean;
}

const create: Handler<CreateFlags> = async (
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

const list: Handler = async (cli) => cli.out.list(connectionView, await connections(await cli.session()));

const remove: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const connectionId = await find(session, name);
  await demandName(cli, `deletes the connection ${name}, its domains, links and sessions`, name, yes);
  await session.api.connections.deleteConnection({ connectionId });
  await cli.out.plain({ id: connectionId, deleted: true }, `connection ${name} deleted`, connectionId);
};

const domains: Handler = async (cli) => {
  const session = await cli.session();
  const orgId = await session.orgId();
  const found = await everyPage(async (page) => {
    const answer = await session.api.connections.listDomains({ orgId, page });
    return { items: answer.domains, next: answer.page?.next };
  });
  await cli.out.list(domainView, found);
};

type DomainChange = 'addDomain' | 'verifyDomain';

const changeDomain =
  (change: DomainChange): Handler =>
  async (cli, [name = '', domain = '']) => {
    const session = await cli.session();
    const at = { connectionId: await find(session, name), domain };
    await cli.out.one(domainView, present((await session.api.connections[change](at)).domain));
  };

const require: Handler<{ readonly off?: boolean }> = async (cli, [name = '', domain = ''], { off = false }) => {
  const session = await cli.session();
  const at = { connectionId: await find(session, name), domain, required: !off };
  await cli.out.one(domainView, present((await session.api.connections.requireDomain(at)).domain));
};

const removeDomain: Handler = async (cli, [name = '', domain = '']) => {
  const session = await cli.session();
  await session.api.connections.removeDomain({ connectionId: await find(session, name), domain });
  await cli.out.plain({ domain, removed: true }, `domain ${domain} removed`, domain);
};

/** Sign-in by the organization's OpenID provider. */
export const ssoVerbs: readonly Verb<never>[] = [
  {
    usage: 'create <name>',
    summary: 'Connect an OpenID provider, e.g. a Keycloak realm.',
    options: [
      ['--issuer <url>', "the provider's issuer (required)"],
      ['--client-id <id>', 'our client at the provider (required)'],
      ['--client-secret-file <path>', "file with the client's secret; - for standard input"],
      ['--map <claim=value:role[@place]>', 'what a claim gives; :role for everybody; may be given again', repeated],
      ['--bearer', "let the provider's access tokens call the API"],
    ],
    examples: [
      'sso create staff --issuer https://id.acme.example/realms/staff --client-id truffle --client-secret-file secret --map groups=dev:operator',
    ],
    load: async () => create,
  },
  { usage: 'list', summary: "List an organization's connections.", examples: ['sso list'], load: async () => list },
  {
    usage: 'delete <name>',
    summary: 'Delete a connection with its domains and links; its sessions end.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['sso delete staff'],
    load: async () => remove,
  },
  {
    usage: 'domains',
    summary: "List an organization's domains, with the records that prove them.",
    examples: ['sso domains'],
    load: async () => domains,
  },
  {
    usage: 'add-domain <name> <domain>',
    summary: 'Add a domain of addresses to a connection; shows the DNS record that is to prove it.',
    examples: ['sso add-domain staff acme.example'],
    load: async () => changeDomain('addDomain'),
  },
  {
    usage: 'verify-domain <name> <domain>',
    summary: 'Look for the DNS record that proves a domain.',
    examples: ['sso verify-domain staff acme.example'],
    load: async () => changeDomain('verifyDomain'),
  },
  {
    usage: 'require-domain <name> <domain>',
    summary: 'Let people of a domain (but the owners) sign in by the connection only.',
    options: [['--off', 'no longer']],
    examples: ['sso require-domain staff acme.example'],
    load: async () => require,
  },
  {
    usage: 'remove-domain <name> <domain>',
    summary: 'Take a domain away.',
    examples: ['sso remove-domain staff acme.example'],
    load: async () => removeDomain,
  },
];
