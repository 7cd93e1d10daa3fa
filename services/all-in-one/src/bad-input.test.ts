import type { TruffleClient } from '@truffle/api';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { Role } from '@truffle/api/tenant/v1/account';
import { testSite, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { source } from './contract.fixture.ts';
import { refusalOf, rowCounts } from './refusal.fixture.ts';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
let site: TestSite;
let client: TruffleClient;
let orgId = '';
let projectId = '';
let workspaceId = '';
let versionId = '';
let clusterId = '';

beforeAll(async () => {
  plane = await startControlPlane('bad');
  ({ client, orgId, workspaceId, projectId } = plane.owner);
  site = await testSite({ client, url: plane.host.url, orgId });
  const { version } = await client.templates.createTemplateVersion({ orgId, source: withSecret });
  versionId = version?.id ?? '';
  const sealed = { name: 'password', sealed: new Uint8Array(64), version: 1, keyId: 'k' };
  expect(await refusalOf(create({ secrets: [sealed] }))).toBe(
    'InvalidArgument INVALID_ARGUMENT spec.secrets[0].key_id',
  );
  const made = await create({ name: 'first', parameters: { size: 1 } });
  clusterId = made.cluster?.id ?? '';
  for await (const _ of client.operations.watchOperation({ operationId: made.operation?.id ?? '' }));
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

const withSecret = `${source}
parameters:
  size: { type: integer, minimum: 1, maximum: 9, default: 1 }
  label: { type: string, maxLength: 20, default: x }
  password: { type: string, secret: true, generate: { length: 12 } }
`;

const create = (change: object) =>
  client.clusters.createCluster({
    projectId,
    spec: { name: 'next', agentId: site.agentId, templateVersionId: versionId, ...change },
  });

/** Refused so, with nothing stored and no VM begun. */
async function refuses(call: () => Promise<unknown>, expected: string | RegExp): Promise<void> {
  const before = await rowCounts(plane.database);
  const vms = site.vms();
  const refusal = await refusalOf(call());
  if (typeof expected === 'string') expect(refusal).toBe(expected);
  else expect(refusal).toMatch(expected);
  expect(await rowCounts(plane.database)).toEqual(before);
  expect(site.vms()).toEqual(vms);
}

const count = 'count: 1';
const counting = (expression: string): string =>
  source.replace(count, `count: ${JSON.stringify(`\${{ ${expression} }}`)}`);
const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
  .concat(Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`))
  .join('\n');

const sources: readonly (readonly [string, string, string])[] = [
  ['deep nesting', '['.repeat(100_000), 'TOO_DEEP'],
  ['deep nesting by indentation', Array.from({ length: 400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), 'TOO_DEEP'],
  ['an alias bomb', bomb, 'YAML_ALIAS'],
  ['an alias of itself', 'a: &a [*a]', 'YAML_ALIAS'],
  ['no YAML', 'a: [', 'YAML_SYNTAX'],
  ['a tag that makes code', "a: !!js/function 'x'", 'YAML_TAG'],
  ['a key of prototypes', '__proto__: { polluted: true }', 'RESERVED_KEY'],
  ['a key twice', 'kind: a\nkind: b', 'DUPLICATE_KEY'],
  ['an escape sequence of terminals', 'a: \u001b[31m', 'INVALID_CHARACTER'],
  ['an unknown key', source.replace(count, 'counts: 1, count: 1'), 'UNKNOWN_KEY'],
  ['a wrong type', source.replace(count, 'count: many'), 'INVALID_VALUE'],
  ['an unknown reference', counting('params.nope'), 'UNKNOWN_REFERENCE'],
  ['a cycle', `${source}outputs: { a: "\${{ outputs.b }}", b: "\${{ outputs.a }}" }\n`, 'CYCLE'],
  ['an expression that costs too much', counting(`size([1]${'.map(x, x)'.repeat(6)})`), 'EXPRESSION_TOO_EXPENSIVE'],
  ['an expression that is none', counting('1 +'), 'EXPRESSION_SYNTAX'],
  ['a name with shell characters', source.replace('name: own', 'name: "$(reboot)"'), 'INVALID_VALUE'],
];

describe('a template', () => {
  it.each(sources)('is refused: %s', async (_name, hostile, code) => {
    const { problems } = await client.templates.validateTemplate({ orgId, source: hostile });
    expect(problems.map((p) => p.code)).toContain(code);
    for (const { line, column, message } of problems) {
      expect(Math.min(line, column)).toBeGreaterThan(0);
      expect(message).not.toBe('');
    }
    await refuses(
      () => client.templates.createTemplateVersion({ orgId, source: hostile }),
      /^InvalidArgument INVALID_TEMPLATE \S+$/,
    );
  });

  it('is refused when it is too long, or longer than a message may be', async () => {
    const long = `# ${'x'.repeat(300_000)}`;
    await refuses(
      () => client.templates.createTemplateVersion({ orgId, source: long }),
      'InvalidArgument INVALID_ARGUMENT source',
    );
    await refuses(
      () => client.templates.createTemplateVersion({ orgId, source: 'x'.repeat(10_000_000) }),
      'ResourceExhausted',
    );
    await refuses(
      () => client.templates.validateTemplate({ orgId, source: 'x'.repeat(10_000_000) }),
      'ResourceExhausted',
    );
  });

  it('is refused under a version that has other content', async () => {
    const other = withSecret.replace('One bare server', 'Another');
    await refuses(
      () => client.templates.createTemplateVersion({ orgId, source: other }),
      'AlreadyExists VERSION_EXISTS metadata.version',
    );
  });
});

const names = [
  '$(reboot)',
  '`id`',
  'a;b',
  'a b',
  'a\nb',
  'a\0b',
  '../a',
  'A',
  'аpple',
  'a\u202eb',
  'a'.repeat(41),
  'a-',
  '-a',
  '1a',
  "a'b",
  '',
];

describe('a cluster', () => {
  it.each(names)('is not made under the name %j', async (name) => {
    await refuses(() => create({ name }), 'InvalidArgument INVALID_ARGUMENT spec.name');
  });

  const one = { name: 'password', sealed: new Uint8Array(64), version: 1, keyId: 'other' };
  const unknown = '0'.repeat(26);
  it.each<readonly [string, object, string]>([
    ['a wrong type', { parameters: { size: 'many' } }, 'InvalidArgument INVALID_ARGUMENT spec.parameters.size'],
    ['a value out of bounds', { parameters: { size: 10 } }, 'InvalidArgument INVALID_ARGUMENT spec.parameters.size'],
    ['a fraction', { parameters: { size: 1.5 } }, 'InvalidArgument INVALID_ARGUMENT spec.parameters.size'],
    ['an unknown parameter', { parameters: { nope: 1 } }, 'InvalidArgument INVALID_ARGUMENT spec.parameters.nope'],
    [
      'a huge value',
      { parameters: { label: 'x'.repeat(500_000) } },
      'InvalidArgument INVALID_ARGUMENT spec.parameters.label',
    ],
    ['a value larger than a message', { parameters: { label: 'x'.repeat(2_000_000) } }, 'ResourceExhausted'],
    [
      'a secret in clear',
      { parameters: { password: 'in the clear' } },
      'InvalidArgument INVALID_ARGUMENT spec.parameters.password',
    ],
    ['a secret sealed to another key', { secrets: [one] }, 'InvalidArgument INVALID_ARGUMENT spec.secrets[0].key_id'],
    ['65 secrets', { secrets: Array.from({ length: 65 }, () => one) }, 'InvalidArgument INVALID_ARGUMENT spec.secrets'],
    [
      'a secret that is too short',
      { secrets: [{ ...one, sealed: new Uint8Array(3) }] },
      'InvalidArgument INVALID_ARGUMENT spec.secrets[0].sealed',
    ],
    ['an unknown version', { templateVersionId: `tpv_${unknown}` }, 'NotFound NOT_FOUND'],
    ['an unknown agent', { agentId: `agt_${unknown}` }, 'NotFound NOT_FOUND'],
    ['an id of another kind', { agentId: `clu_${unknown}` }, 'InvalidArgument INVALID_ARGUMENT spec.agent_id'],
    ['an oversized id', { agentId: `agt_${'0'.repeat(100_000)}` }, 'InvalidArgument INVALID_ARGUMENT spec.agent_id'],
    ['NUL in an id', { agentId: `agt_${'0'.repeat(25)}\0` }, 'InvalidArgument INVALID_ARGUMENT spec.agent_id'],
    ['a name that is taken', { name: 'first' }, 'AlreadyExists ALREADY_EXISTS spec.name'],
  ])('is not made from %s', async (_name, change, expected) => {
    await refuses(() => create(change), expected);
  });

  it('is not made with a NUL in a text', async () => {
    await refuses(
      () => create({ parameters: { label: 'a\0b' } }),
      /^InvalidArgument INVALID_ARGUMENT spec\.parameters/,
    );
  });

  it('is not deleted at a revision that is past', async () => {
    await refuses(() => client.clusters.deleteCluster({ clusterId, revision: 999n }), 'Aborted STALE_REVISION');
    await refuses(
      () => client.clusters.deleteCluster({ clusterId, revision: -1n }),
      'InvalidArgument INVALID_ARGUMENT revision',
    );
  });

  it('is made once by one idempotency key', async () => {
    const headers = { 'idempotency-key': 'again' };
    const spec = { name: 'again', agentId: site.agentId, templateVersionId: versionId };
    const first = await client.clusters.createCluster({ projectId, spec }, { headers });
    for await (const _ of client.operations.watchOperation({ operationId: first.operation?.id ?? '' }));
    // A commit whose answer was lost leaves the work without an answer in the store: the same call finds what it made.
    await plane.database.admin.query(`delete from orchestration.idempotency where key = 'again'`);
    const repeated = await client.clusters.createCluster({ projectId, spec }, { headers });
    expect([repeated.cluster?.id, repeated.operation?.id]).toEqual([first.cluster?.id, first.operation?.id]);
    await refuses(
      () => client.clusters.createCluster({ projectId, spec }, { headers: { 'idempotency-key': 'another' } }),
      'AlreadyExists ALREADY_EXISTS spec.name',
    );
    const again = { ...spec, name: 'other' };
    await refuses(
      () => client.clusters.createCluster({ projectId, spec: again }, { headers }),
      'InvalidArgument IDEMPOTENCY_KEY_REUSED Idempotency-Key',
    );
    const odd = { 'idempotency-key': 'x'.repeat(129) };
    await refuses(
      () => client.clusters.createCluster({ projectId, spec: again }, { headers: odd }),
      'InvalidArgument INVALID_ARGUMENT Idempotency-Key',
    );
  });

  it('is deleted once, whoever repeats it, while it goes and when it is gone', async () => {
    const spec = { name: 'brief', agentId: site.agentId, templateVersionId: versionId };
    const made = await client.clusters.createCluster({ projectId, spec });
    for await (const _ of client.operations.watchOperation({ operationId: made.operation?.id ?? '' }));
    const remove = async (revision = 0n) =>
      (await client.clusters.deleteCluster({ clusterId: made.cluster?.id ?? '', revision })).operation;
    const first = await remove();
    const meanwhile = await remove();
    for await (const _ of client.operations.watchOperation({ operationId: first?.id ?? '' }));
    // With the revision that the first one was asked with.
    const after = await remove(made.cluster?.revision);
    expect([meanwhile?.id, after?.id]).toEqual([first?.id, first?.id]);
    expect(after?.state).toBe(OperationState.SUCCEEDED);
  });
});

describe('a page', () => {
  const list = (page: object) => client.templates.listTemplates({ orgId, page });
  const wrong = 'InvalidArgument INVALID_ARGUMENT page.token';

  it.each([
    'garbage',
    'AAAA',
    '=',
    '\0',
    '../..',
    Buffer.from("1:' or 1=1 --").toString('base64'),
    Buffer.from('1:a\0b').toString('base64url'),
  ])('is not given for the token %j', async (garbage) => refuses(() => list({ token: garbage }), wrong));

  it('is not given in a size below nothing or above the bound, nor for a token too long', async () => {
    await refuses(() => list({ size: -1 }), 'InvalidArgument INVALID_ARGUMENT page.size');
    await refuses(() => list({ size: 1_000_000 }), 'InvalidArgument INVALID_ARGUMENT page.size');
    await refuses(() => list({ token: 'x'.repeat(2_000) }), wrong);
  });

  it('is given for a token of this list alone: of another list or organization, or of other filters, it is refused', async () => {
    const { page } = await list({ size: 1 });
    const tokens = { token: page?.next ?? '' };
    expect(tokens.token).not.toBe('');
    expect((await list({ size: 500, ...tokens })).templates.length).toBeGreaterThan(0);
    await refuses(() => client.clusters.listClusters({ projectId, page: tokens }), wrong);
    await refuses(() => client.templates.listTemplates({ orgId, name: 'own', page: tokens }), wrong);
    await expect(list({ token: `A${tokens.token.slice(1)}` })).rejects.toThrow(/start again without page\.token/);
    const up = await plane.host
      .client()
      .accounts.signUp({ email: 'two@example.com', password: 'correct horse battery', orgName: 'two' });
    const other = plane.host.client(up.sessionToken);
    await refuses(() => other.templates.listTemplates({ orgId: up.organization?.id ?? '', page: tokens }), wrong);
    await refuses(() => other.templates.listTemplates({ orgId, page: tokens }), 'NotFound NOT_FOUND');
  });
});

describe('names of other things', () => {
  it.each(['$(reboot)', 'a\0b', 'аpple', 'a\u202eb'])('are refused: %j', async (name) => {
    await refuses(() => client.workspaces.createWorkspace({ orgId, name }), 'InvalidArgument INVALID_ARGUMENT name');
    await refuses(() => client.projects.createProject({ workspaceId, name }), 'InvalidArgument INVALID_ARGUMENT name');
    await refuses(
      () => client.agents.createJoinToken({ orgId, agentName: name }),
      'InvalidArgument INVALID_ARGUMENT agent_name',
    );
  });

  it('are refused as text that no database can hold', async () => {
    await refuses(
      () => client.apiKeys.createApiKey({ scopeId: orgId, name: 'a\0b', role: Role.VIEWER }),
      'InvalidArgument INVALID_ARGUMENT name',
    );
    await refuses(
      () => client.templates.listTemplates({ orgId, name: 'a\0b' }),
      /^(accepted|InvalidArgument INVALID_ARGUMENT name)$/,
    );
    await refuses(
      () => client.events.listEvents({ orgId, resourceId: 'a\0b' }),
      /^(accepted|InvalidArgument INVALID_ARGUMENT resource_id)$/,
    );
  });
});
