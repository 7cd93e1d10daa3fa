import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { billingMigrations, makeBillingModule } from '@truffle/billing';
import { makeTenantModule, tenantMigrations } from '@truffle/tenant';
import { testDatabase, testHost, type TestDatabase, type TestHost } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Desk } from '../../../cli/src/testing/program.ts';
import { TestIssuer } from '../../tenant/src/issuer/issuer.fixture.ts';
import { emailOf, password } from './control-plane.fixture.ts';

let database: TestDatabase;
let host: TestHost;
let issuer: TestIssuer;
const desk = new Desk();

beforeAll(async () => {
  issuer = await new TestIssuer().start();
  database = await testDatabase([tenantMigrations, billingMigrations]);
  const makers = { tenant: makeTenantModule, billing: makeBillingModule };
  const settings = { TRUFFLE_PUBLIC_URL: 'https://truffle.example', TRUFFLE_OUTGOING_ALLOW: '127.0.0.1' };
  host = await testHost(database, makers, settings);
  desk.env['TRUFFLE_ENDPOINT'] = host.url;
  writeFileSync(join(desk.home, 'pw'), password);
  writeFileSync(join(desk.home, 'secret'), issuer.clientSecret);
  await desk.run('account', 'create', emailOf('ada'), '--org-name', 'ada', '--password-file', 'pw');
});

afterAll(async () => {
  await host?.close();
  await database?.close();
  await issuer?.close();
  desk.remove();
});

const ok = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await desk.run(...args);
  expect([code, err], args.join(' ')).toEqual([0, expect.not.stringContaining('error')]);
  return out;
};

it('lists the built-in roles beside the own ones', { timeout: 60_000 }, async () => {
  await ok('role', 'create', 'reader', '--permission', 'project.get');
  const roles = await ok('role', 'list');
  for (const name of ['viewer', 'operator', 'admin', 'owner', 'auditor'])
    expect(roles).toMatch(new RegExp(`^${name} +\\d+ +built in`, 'm'));
  expect(roles).toMatch(/^reader +1 +-/m);
  expect(await ok('role', 'get', 'operator')).toContain('cluster.create');
});

it('changes a connection, links the account by it and takes the link away', { timeout: 120_000 }, async () => {
  const client = ['--client-id', issuer.clientId, '--client-secret-file', 'secret'];
  await ok('sso', 'create', 'staff', '--issuer', issuer.url, ...client, '--map', ':viewer');
  expect(await ok('sso', 'update', 'staff', '--map', ':operator', '--off')).toMatch(/off[^]*operator/);
  expect((await desk.run('sso', 'update', 'staff', '--on', '--off')).code).toBe(2);
  expect(await ok('sso', 'update', 'staff', '--name', 'people', '--on')).toMatch(/on[^]*operator/);

  expect((await desk.run('identity', 'link', 'people')).code).toBe(2);
  const link = desk.start('identity', 'link', 'people', '--answer-file', '-');
  await link.prints(/open in a browser http\S+/);
  const url = /browser (http\S+)/.exec(link.err)?.[1] ?? '';
  const answer = await issuer.approve(url, { sub: 'ada-there' });
  link.end(`https://truffle.example/sso/callback?${new URLSearchParams(answer).toString()}\n`);
  const linked = await link.ended;
  expect([linked.code, linked.out]).toEqual([0, expect.stringContaining('ada-there')]);
  expect(await ok('identity', 'list')).toContain('ada-there');
  const id = /\bidn_\w+/.exec(linked.out)?.[0] ?? '';
  await ok('identity', 'unlink', id, '--yes');
  expect(await ok('identity', 'list')).not.toContain('ada-there');
});

it('acts as a member in a context of its own, until it is ended', { timeout: 120_000 }, async () => {
  await host.client().accounts.signUp({ email: emailOf('bob'), password, orgName: 'bob' });
  await ok('member', 'set', emailOf('bob'), '--role', 'viewer');
  expect((await desk.run('impersonation', 'start', emailOf('bob'))).code).toBe(2);
  const started = await ok('impersonation', 'start', emailOf('bob'), '--reason', 'ticket 4711', '--for', '10m');
  expect(started).toContain(`--context as-${emailOf('bob')}`);
  expect(started).not.toContain('tfs_');
  const as = ['--context', `as-${emailOf('bob')}`];
  expect(await ok('whoami', ...as)).toMatch(/bob@example\.com[^]*acted by +user:usr_/);
  expect(await ok('whoami')).toMatch(/ada@example\.com/);
  const refused = await desk.run('session', 'list', ...as);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('do it as yourself')]);
  await ok('impersonation', 'end', emailOf('bob'));
  expect((await desk.run('whoami', ...as)).code).not.toBe(0);
  expect((await desk.run('impersonation', 'end', emailOf('bob'))).code).toBe(2);
});
