import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { RateClass } from '@truffle/api/options/v1/method';
import { OrganizationService } from '@truffle/api/tenant/v1/tenancy_service';
import { makeBillingModule, billingMigrations } from '@truffle/billing';
import { makeTenantModule, tenantMigrations } from '@truffle/tenant';
import { testDatabase, testHost, until, type TestDatabase, type TestHost } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

let database: TestDatabase;
let hosts: readonly TestHost[];

/** Two replicas of both services over one database and one NATS; a trial lets 12 reads through in 2 s then. */
beforeAll(async () => {
  database = await testDatabase([tenantMigrations, billingMigrations]);
  const makers = { tenant: makeTenantModule, billing: makeBillingModule };
  const env = { TRUFFLE_DEFAULT_PLAN: 'trial', TRUFFLE_RATE_PERCENT: '10' };
  hosts = await Promise.all([testHost(database, makers, env), testHost(database, makers, env)]);
});

afterAll(async () => {
  for (const host of hosts) await host.close();
  await database.close();
});

const at = (i: number): TestHost => hosts[i % hosts.length]!;

async function signUp(orgName: string) {
  const password = 'correct horse battery';
  const made = await at(0)
    .client()
    .accounts.signUp({ email: `${orgName}@example.com`, password, orgName });
  const [token, orgId] = [made.sessionToken, made.organization?.id ?? ''];
  const url = (i: number) => `${at(i).url}/v1/organizations/${orgId}`;
  const read = (i: number) => fetch(url(i), { headers: { authorization: `Bearer ${token}` } });
  // Each replica learns of the plan beside a first call.
  for (const i of hosts.keys())
    await until('the plan is known', async () =>
      (await read(i)).headers.get('ratelimit-policy')?.includes('"tenant";q=12'),
    );
  return { token, orgId, read };
}

it('an organization has its plan’s rate at all replicas together, and is told so by REST', async () => {
  const { read } = await signUp('limited-one');
  const answers: Response[] = [];
  const began = performance.now();
  const of = (status: number) => answers.filter((answer) => answer.status === status);
  for (let i = 0; of(429).length < 100 && performance.now() - began < 20_000; i++) answers.push(await read(i));
  const seconds = (performance.now() - began) / 1_000;
  const [refused] = of(429) as [Response];
  // 12 at once and 6 each second, of which some are used already; each replica may be one telling late.
  expect(of(200).length).toBeLessThan(12 + 6 * seconds + 2 * 12);
  expect(refused.headers.get('ratelimit-policy')).toBe('"credential";q=200;w=10, "tenant";q=12;w=2');
  expect(refused.headers.get('ratelimit')).toMatch(/^"credential";r=\d+;t=\d+, "tenant";r=0;t=\d+$/);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ status: 429, reason: 'RATE_LIMITED', parameters: { policy: 'tenant' } });
});

it('Connect and gRPC tell it too, and another organization goes on', async () => {
  const { token, orgId } = await signUp('limited-two');
  const other = await signUp('limited-three');
  const grpc = createClient(
    OrganizationService,
    createGrpcTransport({
      baseUrl: at(0).url,
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', `Bearer ${token}`);
          return next(request);
        },
      ],
    }),
  );
  for (const organizations of [grpc, at(0).client(token).organizations]) {
    const call = () =>
      organizations.getOrganization({ orgId }).then(
        () => undefined,
        (thrown: unknown) => ConnectError.from(thrown),
      );
    const error = await until('it was refused', call);
    // Refused again, at once: now by the short way, which says the same.
    for (const each of [error, await until('it was refused again', call)]) {
      expect(each.code).toBe(Code.ResourceExhausted);
      expect(Number(each.metadata.get('retry-after'))).toBeGreaterThan(0);
      expect(each.metadata.get('ratelimit')).toContain('"tenant";r=0');
    }
  }
  expect((await other.read(0)).status).toBe(200);
  const { plans } = await at(1).client(other.token).plans.listPlans({});
  expect(plans.find(({ name }) => name === 'trial')?.rates[0]).toMatchObject({
    rate: RateClass.READ,
    calls: 120,
    seconds: 2,
  });
  expect(plans.find(({ name }) => name === 'self-hosted-unlimited')?.rates).toEqual([]);
});

it('a request is no longer than its class lets it be', async () => {
  const code = async (service: string, length: number) => {
    const answer = await fetch(`${at(0).url}/truffle.tenant.v1.${service}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ orgId: 'x'.repeat(length) }),
    });
    return ((await answer.json()) as { code: string }).code;
  };
  expect(await code('OrganizationService/GetOrganization', 60_000)).toBe('unauthenticated');
  expect(await code('OrganizationService/GetOrganization', 70_000)).toBe('resource_exhausted');
  expect(await code('AllowlistService/SetAllowlist', 250_000)).toBe('unauthenticated');
  expect(await code('AllowlistService/SetAllowlist', 270_000)).toBe('resource_exhausted');
  const rest = await fetch(`${at(0).url}/v1/organizations/org_x/allowlist`, {
    method: 'POST',
    body: 'x'.repeat(270_000),
  });
  expect(rest.status).toBe(413);
});
