import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { billingMigrations, makeBillingModule } from '@truffle/billing';
import { makeTenantModule, tenantMigrations } from '@truffle/tenant';
import { testDatabase, testHost, type TestDatabase, type TestHost } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Desk } from '../../../cli/src/testing/program.ts';
import { emailOf, password } from './control-plane.fixture.ts';

let database: TestDatabase;
let host: TestHost;
const signedIn = new Desk();
const other = new Desk();

beforeAll(async () => {
  database = await testDatabase([tenantMigrations, billingMigrations]);
  const makers = { tenant: makeTenantModule, billing: makeBillingModule };
  host = await testHost(database, makers, { TRUFFLE_PUBLIC_URL: 'https://truffle.example' });
  for (const desk of [signedIn, other]) desk.env['TRUFFLE_ENDPOINT'] = host.url;
  writeFileSync(join(signedIn.home, 'pw'), password);
  await signedIn.run('account', 'create', emailOf('ada'), '--org-name', 'ada', '--password-file', 'pw');
});

afterAll(async () => {
  await host?.close();
  await database?.close();
  for (const desk of [signedIn, other]) desk.remove();
});

describe('the command line', () => {
  it('signs in by a code that is approved where the person is signed in, and says who asks', async () => {
    const login = other.start('login', '--browser');
    await login.prints(/session approve [A-Z]{4}-[A-Z]{4}/);
    const code = /approve ([A-Z]{4}-[A-Z]{4})/.exec(login.err)?.[1] ?? '';
    expect(login.err).toContain('https://truffle.example/device');
    const approved = await signedIn.run('session', 'approve', code, '--yes');
    expect([approved.code, approved.err]).toEqual([0, expect.stringMatching(/truffle-cli\/.* at .*127\.0\.0\.1|::1/)]);
    expect((await login.ended).code).toBe(0);
    expect((await other.run('whoami')).out).toContain(emailOf('ada'));
  });

  it('ends a sign-in that is refused, and takes one way to sign in at a time', async () => {
    const login = other.start('login', '--browser');
    await login.prints(/session approve [A-Z]{4}-[A-Z]{4}/);
    const code = /approve ([A-Z]{4}-[A-Z]{4})/.exec(login.err)?.[1] ?? '';
    expect((await signedIn.run('session', 'deny', code)).code).toBe(0);
    const ended = await login.ended;
    expect([ended.code, ended.err]).toEqual([1, expect.stringContaining('refused')]);
    expect((await other.run('login', '--browser', '--email', emailOf('ada'))).code).toBe(2);
    const made = await signedIn.run('api-key', 'create', 'ci', '--role', 'viewer', '--output', 'name');
    writeFileSync(join(other.home, 'key'), made.out);
    expect((await other.run('login', '--token-file', 'key')).code).toBe(0);
  });
});
