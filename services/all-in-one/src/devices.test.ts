import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
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

const hasScript = spawnSync('script', ['--version']).status === 0;

describe('the command line', () => {
  it('signs in by a code that is approved where the person is signed in, and says who asks', async () => {
    const login = other.start('login');
    await login.prints(/session approve [A-Z]{4}-[A-Z]{4}/);
    const code = /approve ([A-Z]{4}-[A-Z]{4})/.exec(login.err)?.[1] ?? '';
    expect(login.err).toContain('https://truffle.example/device');
    const approved = await signedIn.run('session', 'approve', code, '--yes');
    expect([approved.code, approved.err]).toEqual([0, expect.stringMatching(/truffle-cli\/.* at .*127\.0\.0\.1|::1/)]);
    expect((await login.ended).code).toBe(0);
    expect((await other.run('whoami')).out).toContain(emailOf('ada'));
  });

  it('ends a sign-in that is refused, and takes one way to sign in at a time', async () => {
    const login = other.start('login');
    await login.prints(/session approve [A-Z]{4}-[A-Z]{4}/);
    const code = /approve ([A-Z]{4}-[A-Z]{4})/.exec(login.err)?.[1] ?? '';
    expect((await signedIn.run('session', 'deny', code)).code).toBe(0);
    const ended = await login.ended;
    expect([ended.code, ended.err]).toEqual([1, expect.stringContaining('refused')]);
    expect((await other.run('login', '--no-browser', '--email', emailOf('ada'))).code).toBe(2);
    const made = await signedIn.run('api-key', 'create', 'ci', '--role', 'viewer', '--output', 'name');
    writeFileSync(join(other.home, 'key'), made.out);
    expect((await other.run('login', '--token-file', 'key')).code).toBe(0);
    expect((await other.run('login', '--no-input')).err).toContain('truffle login --with-token');
  });

  it('takes a token from standard input alone', async () => {
    const made = await signedIn.run('api-key', 'create', 'pipe', '--role', 'viewer', '--output', 'name');
    const login = other.start('login', '--with-token');
    login.end(made.out);
    const ended = await login.ended;
    expect([ended.code, ended.out + ended.err]).toEqual([0, expect.not.stringContaining(made.out.trim())]);
    expect((await other.run('whoami')).out).toContain('pipe');
    const empty = other.start('login', '--with-token');
    empty.end('\n');
    expect((await empty.ended).code).toBe(2);
  });

  it.skipIf(!hasScript)('asks for a password in a terminal, and shows it nowhere', async () => {
    const login = other.inTerminal('login', '--password');
    await login.prints(/Address/);
    login.type(`${emailOf('ada')}\r`);
    await login.prints(/Password/);
    login.type(`${password}\r`);
    const ended = await login.ended;
    expect([ended.code, ended.out]).toEqual([0, expect.not.stringContaining(password)]);
    expect(ended.out).toContain(`as ${emailOf('ada')}`);
  });

  it.skipIf(!hasScript || process.platform !== 'linux')('opens a browser where a desktop is there', async () => {
    const programs = join(other.home, 'bin');
    mkdirSync(programs);
    const opened = join(other.home, 'opened');
    execFileSync('mkfifo', [opened]);
    writeFileSync(join(programs, 'xdg-open'), `#!/bin/sh\nprintf '%s' "$*" > '${opened}'\n`, { mode: 0o755 });
    other.env['PATH'] = `${programs}:${other.env['PATH']}`;
    other.env['DISPLAY'] = ':0';
    const login = other.inTerminal('login');
    const [shown] = await Promise.all([readFile(opened, 'utf8'), login.prints(/your browser opens/)]);
    const code = /^https:\/\/truffle\.example\/device\?code=([A-Z]{4}-[A-Z]{4})$/.exec(shown)?.[1] ?? '';
    expect((await signedIn.run('session', 'approve', code, '--yes')).code).toBe(0);
    expect((await login.ended).code).toBe(0);
    const quiet = other.inTerminal('login', '--no-browser');
    await quiet.prints(/in any browser[\s\S]*approve [A-Z]{4}-[A-Z]{4}/);
    const asked = /approve ([A-Z]{4}-[A-Z]{4})/.exec(quiet.out)?.[1] ?? '';
    expect((await signedIn.run('session', 'deny', asked)).code).toBe(0);
    expect((await quiet.ended).code).toBe(1);
  });
});
