import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Role } from '@truffle/api/tenant/v1/account';
import { billingMigrations, makeBillingModule } from '@truffle/billing';
import { makeTenantModule, tenantMigrations } from '@truffle/tenant';
import { testDatabase, testHost, until, type TestDatabase, type TestHost } from '@truffle/testkit';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Desk } from '../../../cli/src/testing/program.ts';
import { emailOf, password } from './control-plane.fixture.ts';

let database: TestDatabase;
let host: TestHost;
let desk: Desk;
let mailDir: string;

beforeAll(async () => {
  desk = new Desk();
  mailDir = join(desk.home, 'mail');
  database = await testDatabase([tenantMigrations, billingMigrations]);
  const makers = { tenant: makeTenantModule, billing: makeBillingModule };
  host = await testHost(database, makers, { TRUFFLE_MAIL_DIR: mailDir });
  desk.env['TRUFFLE_ENDPOINT'] = host.url;
  writeFileSync(join(desk.home, 'pw'), password);
});

afterAll(async () => {
  await host?.close();
  await database?.close();
  desk?.remove();
});

/** The code of the newest mail to an address, from the folder that stands in for a mail server. */
const codeOf = (email: string) =>
  until('a mail in the folder', () =>
    // The folder is made with its first mail.
    (existsSync(mailDir) ? readdirSync(mailDir) : [])
      .filter((name) => name.endsWith('.txt'))
      .toSorted()
      .map((name) => readFileSync(join(mailDir, name), 'utf8'))
      .findLast((text) => text.includes(`To: ${email}`))
      ?.match(/\btft_\w+/)
      ?.at(0),
  );

const secretOf = (text: string): Secret => Secret.fromBase32(/secret=([A-Z2-7]+)/.exec(text)?.[1] ?? '');

describe('the command line', () => {
  it('signs up, resets the password by mail, invites, lists sessions', async () => {
    const email = emailOf('ada');
    const up = await desk.run('account', 'create', email, '--org-name', 'ada', '--password-file', 'pw');
    expect(up.err).toBe('');
    expect((await desk.run('session', 'list')).out).toContain('truffle-cli/');
    await desk.run('account', 'reset', email);
    writeFileSync(join(desk.home, 'code'), `https://truffle.example/account/reset#token=${await codeOf(email)}`);
    writeFileSync(join(desk.home, 'new'), 'another good one');
    const reset = await desk.run('account', 'reset', '--code-file', 'code', '--password-file', 'new');
    expect([reset.code, reset.err]).toEqual([0, '']);
    expect((await desk.run('session', 'list')).code).toBe(4);
    expect((await desk.run('login', '--email', email, '--password-file', 'new')).code).toBe(0);
    await desk.run('invitation', 'create', emailOf('bob'), '--role', 'viewer');
    expect((await desk.run('invitation', 'list')).out).toMatch(/bob@example.com.*viewer.*open/);
    writeFileSync(join(desk.home, 'code'), await codeOf(emailOf('bob')));
    const bob = new Desk({ TRUFFLE_ENDPOINT: host.url });
    const files = ['--password-file', join(desk.home, 'pw'), '--code-file', join(desk.home, 'code')];
    expect((await bob.run('account', 'create', emailOf('bob'), '--invited', ...files)).err).toBe('');
    expect((await bob.run('whoami')).out).toMatch(/viewer of org_/);
    expect((await bob.run('account', 'delete', email)).err).toMatch(/email: must be the address of your account/);
    expect((await desk.run('account', 'delete', email)).err).toMatch(/you are the last owner of ada \(org_\w+\)/);
    expect((await bob.run('account', 'delete', emailOf('bob'))).out).toContain('deleted');
    expect((await bob.run('whoami')).code).toBe(4);
    bob.remove();
  }, 120_000);

  it('adds an authenticator app, signs in by it, and asks for it again before what is dangerous', async () => {
    const email = emailOf('cyd');
    await desk.run('account', 'create', email, '--org-name', 'cyd', '--password-file', 'pw');
    const adding = desk.inTerminal('account', 'add-app', 'phone');
    await adding.prints(/secret=[A-Z2-7]+[\s\S]+Code that it shows/);
    const totp = new TOTP({ secret: secretOf(adding.out) });
    adding.type(`${totp.generate({ timestamp: Date.now() - 30_000 })}\r`);
    const added = await adding.ended;
    expect(added.code).toBe(0);
    const codes = [...added.out.matchAll(/\b(?:[0-9a-z]{5}-){4}[0-9a-z]{5}\b/g)].map(([code]) => code);
    expect(codes).toHaveLength(10);

    const script = await desk.run('login', '--email', email, '--password-file', 'pw');
    expect([script.code, script.err]).toEqual([4, expect.stringContaining('--token-file')]);
    const login = desk.inTerminal('login', '--email', email, '--password-file', 'pw');
    await login.prints(/authenticator app, or recovery code/);
    login.type(`${totp.generate()}\r`);
    expect((await login.ended).code).toBe(0);
    // The session that was kept here before is over, and nothing was left beside it.
    const good = `select s.id, encode(s.secret_sha256, 'hex') as digest from tenant.session s join tenant.user u on u.id = s.user_id
      where u.email = $1 and s.ended_at is null`;
    const kept = await database.admin.query<{ id: string; digest: string }>(good, [email]);
    expect(kept.rows).toHaveLength(1);

    await database.admin.query(`update tenant.session set authenticated_at = now() - interval '11 minutes'`);
    const create = ['api-key', 'create', 'ci', '--role', 'viewer'];
    await until('the step-up is due', async () =>
      (await desk.run(...create)).err.includes('repeat the command on a terminal'),
    );
    const creating = desk.inTerminal(...create);
    await creating.prints(/prove again[\s\S]+authenticator app/);
    creating.type(`${codes[0]}\r`);
    const created = await creating.ended;
    expect([created.code, created.out]).toEqual([0, expect.stringMatching(/tfk_/)]);
    // The proof gave the session another token, which the program keeps.
    const renewed = await database.admin.query<{ id: string; digest: string }>(good, [email]);
    expect(renewed.rows).toEqual([
      { id: kept.rows[0]?.id, digest: expect.not.stringContaining(kept.rows[0]?.digest ?? '') },
    ]);
    expect((await desk.run(...create)).code).toBe(0);
  }, 60_000);
});

describe('without a mail server', () => {
  it('an account is made at once, and only the first one is taken at its word', async () => {
    const { rows } = await database.admin.query<{ email: string }>(
      'select email from tenant.user where email_verified_at is not null order by created_at',
    );
    expect(rows.map((row) => row.email)).toContain(emailOf('ada'));
    const made = await host.client().accounts.signUp({ email: emailOf('dan'), password, orgName: 'dan' });
    expect([made.user?.emailVerified, made.verificationSent]).toEqual([false, false]);
    const scopeId = made.organization?.id ?? '';
    const key = { scopeId, name: 'k', role: Role.VIEWER };
    await host.client(made.sessionToken).apiKeys.createApiKey(key);
  });
});
