import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  create,
  toJsonString,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  type Message,
} from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { Access, Audience } from '@truffle/api/options/v1/method';
import { Role } from '@truffle/api/tenant/v1/account';
import { rulesOf } from '@truffle/kit';
import type { TestDatabase } from '@truffle/testkit';

const generated = resolve(import.meta.dirname, '../../../packages/api/gen/truffle');

/** Every service of the contract, found in the generated code: a new one is covered the day it is written. */
export const everyService: readonly DescService[] = (
  await Promise.all(globSync(`${generated}/**/*_pb.js`).map((file) => import(file) as Promise<Record<string, unknown>>))
)
  .flatMap((module) => Object.values(module))
  .filter((value): value is DescService => (value as { kind?: unknown } | undefined)?.kind === 'service')
  .toSorted((a, b) => a.typeName.localeCompare(b.typeName));

/** Those that people and programs may call. */
export const publicServices = everyService.filter((service) =>
  service.methods.some((m) => rulesOf(m).audience === Audience.PUBLIC),
);

export const everyMethod: readonly (readonly [string, DescService, DescMethod])[] = publicServices.flatMap((service) =>
  service.methods
    .filter((m) => rulesOf(m).audience === Audience.PUBLIC)
    .map((method) => [`${service.name}/${method.name}`, service, method] as const),
);
/** Those that a permission on a resource decides. */
export const byPermission = everyMethod.filter(([, , method]) => rulesOf(method).access === Access.PERMISSION);

/** The smallest template. */
export const source = `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: own, version: 1.0.0, title: Own, summary: One bare server }
servers: { vm: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 10GiB } }
`;

/** Where an audit stream goes that nobody receives. */
export const nowhere = { kind: 1, address: 'https://siem.invalid/in' } as const;

/** A connection to a provider that nobody asks. */
export const aloof = { name: 'staff', issuer: 'https://issuer.invalid', clientId: 'truffle' } as const;

/** A trust in an issuer that nobody asks. */
export const distant = {
  name: 'ci',
  issuer: aloof.issuer,
  audience: 'truffle',
  conditions: [{ claim: 'sub', pattern: 'repo:acme/web:*' }],
  role: Role.VIEWER,
};

/** No token of a workload: one is only made for an issuer's. */
export const noToken = `wkt_${'0'.repeat(26)}`;

/** No session in which somebody acts as a member: one is only opened as a person. */
export const noSession = `ses_${'0'.repeat(26)}`;

/** A value that each other field of a request accepts. */
const plain: Readonly<Record<string, unknown>> = {
  name: 'fresh',
  agent_name: 'fresh',
  title: 'x',
  email: 'victim@example.com',
  role: Role.VIEWER,
  fingerprint: 'words that nobody printed',
  recipient_public_key: new Uint8Array(32).fill(9),
  nonce: new Uint8Array(32),
  source,
  cpu: 1,
  image: 'fresh',
  version: '1.2.3',
  url: 'https://images.example.com/fresh.qcow2',
  sha256: '0'.repeat(64),
  subject: `user:usr_${'0'.repeat(26)}`,
  ...nowhere,
  issuer: aloof.issuer,
  client_id: aloof.clientId,
  audience: distant.audience,
  conditions: distant.conditions,
  domain: 'domain.example',
  node: 'nowhere',
  target_node: 'pve2',
  snapshot: `tf-cmd_${'0'.repeat(26)}`,
  reason: 'ticket 4711',
  permission: 'cluster.get',
  permissions: ['cluster.get'],
};

/** A valid request; ids come from `pick`. */
export function requestOf(schema: DescMessage, pick: (field: DescField) => string | undefined): Message {
  const message: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const id = pick(field);
    if (id !== undefined) message[field.localName] = id;
    else if (field.name in plain) message[field.localName] = plain[field.name];
    else if (field.fieldKind === 'message' && ['spec', 'target'].includes(field.name))
      message[field.localName] = requestOf(field.message, pick);
  }
  return create(schema, message);
}

/** How a call was answered. */
export interface Answer {
  readonly code?: Code;
  readonly text: string;
  /** The error's own details: what it speaks of. */
  readonly about?: Readonly<Record<string, string>>;
}

/** Calls any method, unary or streaming, and says how it answered (of a stream, its first message). */
export async function call(
  transport: Transport,
  service: DescService,
  method: DescMethod,
  request: Message,
): Promise<Answer> {
  const client = createClient(service, transport) as unknown as Record<
    string,
    (request: Message, options: object) => unknown
  >;
  const stop = new AbortController();
  try {
    const answer = client[method.localName]?.(request, {
      signal: stop.signal,
      timeoutMs: method.methodKind === 'unary' ? 10_000 : 2_000,
    });
    if (method.methodKind === 'unary') return { text: toJsonString(method.output, (await answer) as Message) };
    for await (const message of answer as AsyncIterable<Message>) return { text: toJsonString(method.output, message) };
    return { text: '' };
  } catch (error) {
    const status = ConnectError.from(error);
    // A stream that has nothing to say.
    if (method.methodKind !== 'unary' && status.code === Code.DeadlineExceeded) return { text: '' };
    return { code: status.code, text: status.message, about: status.findDetails(ErrorInfoSchema)[0]?.metadata ?? {} };
  } finally {
    stop.abort();
  }
}

/** Every row of an organization and, when given, of a person, as one text; what changes with time alone is left out. */
export async function everythingOf(database: TestDatabase, orgId: string, userId?: string): Promise<string> {
  const ofOrganization = await rowsWith(database, 'org_id', orgId);
  return userId === undefined ? ofOrganization : `${ofOrganization}\n${await rowsWith(database, 'user_id', userId)}`;
}

const changing =
  'last_seen_at,last_used_at,last_used_address,inventory,updated_at,open_commands,journal_lsn,lease_until,cursor_n,failures,failing_since,next_try_at,last_error';

async function rowsWith(database: TestDatabase, column: 'org_id' | 'user_id', value: string): Promise<string> {
  const { rows } = await database.admin.query<{ name: string }>(
    `
    select format('%I.%I', table_schema, table_name) as name from information_schema.columns
    where column_name = $1 and table_schema in ('tenant', 'template', 'orchestration', 'billing', 'agent_gateway')
      and table_name not in ('metric', 'agent_session')
    order by 1`,
    [column],
  );
  const oneTable = ({ name }: { readonly name: string }): string => {
    // An agent that looks at its site again moves its own row on.
    const alive = name === 'agent_gateway.agent' ? `${changing},revision,state,state_since` : changing;
    return `select '${name}: ' || coalesce(string_agg((to_jsonb(t) - '{${alive}}'::text[])::text, '' order by t::text), '') as line
      from ${name} t where ${column} = $1`;
  };
  const found = await database.admin.query<{ line: string }>(rows.map(oneTable).join(' union all '), [value]);
  return found.rows.map(({ line }) => line).join('\n');
}
