import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, QuotaFailureSchema } from '@truffle/api/google/rpc/error_details';
import { Role } from '@truffle/api/tenant/v1/account';
import { billingMigrations, makeBillingModule } from '@truffle/billing';
import { makeTenantModule, tenantMigrations } from '@truffle/tenant';
import { testDatabase, testHost, until, type TestDatabase, type TestHost } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTemplateModule, templateMigrations } from './index.ts';

let database: TestDatabase;
let host: TestHost;

beforeAll(async () => {
  database = await testDatabase([tenantMigrations, billingMigrations, templateMigrations]);
  host = await testHost(
    database,
    { tenant: makeTenantModule, billing: makeBillingModule, template: makeTemplateModule },
    { TRUFFLE_DEFAULT_PLAN: 'trial' },
  );
});

afterAll(async () => {
  await host?.close();
  await database?.close();
});

async function organization(name: string) {
  const made = await host
    .client()
    .accounts.signUp({ email: `${name}@example.com`, password: 'correct horse battery', orgName: name });
  return { orgId: made.organization?.id ?? '', client: host.client(made.sessionToken) };
}

const source = (version: string, title = 'A box', name = 'box') => `apiVersion: truffle.dev/v1
kind: Template
metadata: { name: ${name}, version: ${version}, title: ${title}, summary: One server. }
parameters:
  size: { type: integer, minimum: 1, maximum: 3, default: 1 }
servers:
  main: { count: "\${{ params.size }}", image: debian-12, cpu: 1, memory: 1GiB, disk: 8GiB, networks: [{ name: lan }] }
`;

async function refusal(work: Promise<unknown>): Promise<ConnectError> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => ConnectError.from(e),
  );
  if (error === undefined) throw new Error('was not refused');
  return error;
}

const reasonOf = (error: ConnectError) => [error.code, error.findDetails(ErrorInfoSchema)[0]?.reason];

describe('templates that ship with Truffle', () => {
  it('are there for everybody and belong to nobody', async () => {
    const { orgId, client } = await organization('ada');
    const { templates } = await client.templates.listTemplates({ orgId });
    expect(templates.map((t) => t.name)).toEqual(expect.arrayContaining(['k3s', 'static-site', 'vm', 'web-app']));
    expect(new Set(templates.map((t) => `${t.publisher}/${t.orgId}`))).toEqual(new Set(['truffle/']));
    const one = templates[0];
    const { version } = await client.templates.getTemplateVersion({
      orgId,
      templateVersionId: one?.latestVersionId ?? '',
    });
    expect(version?.source).toContain('kind: Template');
    expect(version?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await refusal(client.templates.deleteTemplate({ orgId, templateId: one?.id ?? '' }))).code).toBe(
      Code.NotFound,
    );
  });

  it('page together with own ones, own first', async () => {
    const { orgId, client } = await organization('bea');
    await client.templates.createTemplateVersion({ orgId, source: source('1.0.0', 'Mine', 'vm') });
    const seen: string[] = [];
    let token = '';
    do {
      const { templates, page } = await client.templates.listTemplates({ orgId, page: { size: 1, token } });
      seen.push(...templates.map((t) => `${t.name}:${t.orgId === '' ? 'truffle' : 'own'}`));
      token = page?.next ?? '';
    } while (token !== '');
    expect(seen.filter((s) => s.startsWith('vm:'))).toEqual(['vm:own', 'vm:truffle']);
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe('a version', () => {
  it('is stored once, and never changes', async () => {
    const { orgId, client } = await organization('cyd');
    const first = await client.templates.createTemplateVersion({ orgId, source: source('1.0.0') });
    const again = await client.templates.createTemplateVersion({
      orgId,
      source: `# another layout\n${source('1.0.0')}`,
    });
    expect(again.version?.id).toBe(first.version?.id);
    expect(
      reasonOf(await refusal(client.templates.createTemplateVersion({ orgId, source: source('1.0.0', 'Changed') }))),
    ).toEqual([Code.AlreadyExists, 'VERSION_EXISTS']);
    const newer = await client.templates.createTemplateVersion({ orgId, source: source('1.10.0') });
    const older = await client.templates.createTemplateVersion({ orgId, source: source('1.9.0') });
    expect([newer.template?.latestVersion, older.template?.latestVersion]).toEqual(['1.10.0', '1.10.0']);
    const { versions } = await client.templates.listTemplateVersions({ orgId, templateId: first.template?.id ?? '' });
    expect(versions.map((v) => [v.version, v.source])).toEqual([
      ['1.9.0', ''],
      ['1.10.0', ''],
      ['1.0.0', ''],
    ]);
    const { entitlements } = await client.plans.getEntitlements({ orgId });
    expect(entitlements.find((e) => e.quota === 'template_versions')).toMatchObject({ used: 3n, limit: 20n });
  });

  it('is made once by many at the same time', async () => {
    const { orgId, client } = await organization('dan');
    const made = await Promise.all(
      Array.from({ length: 8 }, () => client.templates.createTemplateVersion({ orgId, source: source('1.0.0') })),
    );
    expect(new Set(made.map((m) => m.version?.id)).size).toBe(1);
  });

  it('is refused with line, column and path when its source does not hold', async () => {
    const { orgId, client } = await organization('eve');
    const bad = source('1.0.0').replace('cpu: 1', 'cpu: lots').replace('params.size', 'params.sise');
    const { problems } = await client.templates.validateTemplate({ orgId, source: bad });
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems)
      expect(problem).toMatchObject({ line: 7, path: expect.stringMatching(/^servers\.main/) });
    const error = await refusal(client.templates.createTemplateVersion({ orgId, source: bad }));
    expect(reasonOf(error)).toEqual([Code.InvalidArgument, 'INVALID_TEMPLATE']);
    const [violation] = error.findDetails(BadRequestSchema)[0]?.fieldViolations ?? [];
    expect(violation).toMatchObject({ field: problems[0]?.path, reason: problems[0]?.code });
    expect(violation?.description).toMatch(/^line 7, column \d+: /);
    expect((await client.templates.listTemplates({ orgId, name: 'box' })).templates).toHaveLength(0);
  });

  it("is not there for another organization's user", async () => {
    const mine = await organization('fay');
    const other = await organization('gus');
    const { template, version } = await mine.client.templates.createTemplateVersion({
      orgId: mine.orgId,
      source: source('1.0.0'),
    });
    for (const orgId of [mine.orgId, other.orgId]) {
      expect((await refusal(other.client.templates.getTemplate({ orgId, templateId: template?.id ?? '' }))).code).toBe(
        Code.NotFound,
      );
      expect(
        (await refusal(other.client.templates.getTemplateVersion({ orgId, templateVersionId: version?.id ?? '' })))
          .code,
      ).toBe(Code.NotFound);
      expect(
        (await refusal(other.client.templates.deleteTemplate({ orgId, templateId: template?.id ?? '' }))).code,
      ).toBe(Code.NotFound);
    }
  });

  it('stays when its template is deleted, and gives its place in the quota back', async () => {
    const { orgId, client } = await organization('hal');
    const { template, version } = await client.templates.createTemplateVersion({ orgId, source: source('1.0.0') });
    expect(
      reasonOf(await refusal(client.templates.deleteTemplate({ orgId, templateId: template?.id ?? '', revision: 9n }))),
    ).toEqual([Code.Aborted, 'STALE_REVISION']);
    await client.templates.deleteTemplate({ orgId, templateId: template?.id ?? '', revision: 1n });
    expect((await refusal(client.templates.getTemplate({ orgId, templateId: template?.id ?? '' }))).code).toBe(
      Code.NotFound,
    );
    expect(
      (await client.templates.getTemplateVersion({ orgId, templateVersionId: version?.id ?? '' })).version?.version,
    ).toBe('1.0.0');
    await until(
      'the quota is free',
      async () =>
        (await client.plans.getEntitlements({ orgId })).entitlements.find((e) => e.quota === 'template_versions')
          ?.used === 0n,
    );
  });
});

describe('a plan', () => {
  it('refuses what is beyond its limits, by name', async () => {
    const { orgId, client } = await organization('ivy');
    for (const name of ['one', 'two', 'three', 'four', 'five'])
      await client.apiKeys.createApiKey({ scopeId: orgId, name, role: Role.VIEWER });
    const error = await refusal(client.apiKeys.createApiKey({ scopeId: orgId, name: 'six', role: Role.VIEWER }));
    expect(reasonOf(error)).toEqual([Code.ResourceExhausted, 'QUOTA_EXCEEDED']);
    expect(error.findDetails(QuotaFailureSchema)[0]?.violations[0]?.subject).toBe(`organization:${orgId}`);
    const { apiKeys } = await client.apiKeys.listApiKeys({ orgId });
    await client.apiKeys.revokeApiKey({ apiKeyId: apiKeys[0]?.id ?? '' });
    await client.apiKeys.createApiKey({ scopeId: orgId, name: 'six', role: Role.VIEWER });
  });
});
