import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { billingMigrations, makeBillingModule } from '@truffle/billing';
import { makeTenantModule, tenantMigrations } from '@truffle/tenant';
import { testDatabase, testHost, until, type TestDatabase, type TestHost } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Desk, type Ended } from '../../../cli/src/testing/program.ts';
import { emailOf, password } from './control-plane.fixture.ts';

let database: TestDatabase;
let host: TestHost;
let desk: Desk;
/** A program with the key that it was given. */
let robot: Desk;

beforeAll(async () => {
  database = await testDatabase([tenantMigrations, billingMigrations]);
  host = await testHost(database, { tenant: makeTenantModule, billing: makeBillingModule });
  desk = new Desk({ TRUFFLE_ENDPOINT: host.url });
  const up = await host.client().accounts.signUp({ email: emailOf('boss'), password, orgName: 'boss' });
  desk.env['TRUFFLE_TOKEN'] = up.sessionToken;
  robot = new Desk({ TRUFFLE_ENDPOINT: host.url });
});

afterAll(async () => {
  await host?.close();
  await database?.close();
  desk?.remove();
  robot?.remove();
});

const ok = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await desk.run(...args);
  expect([code, err], args.join(' ')).toEqual([0, expect.not.stringContaining('error')]);
  return out;
};

const projectOf = (text: string): string => /\bprj_[0-9a-hjkmnp-tv-z]{26}\b/.exec(text)?.[0] ?? '';

it(
  'gives a program a role of its own making, tells why it may and may not, and takes it away',
  { timeout: 120_000 },
  async () => {
    expect(await ok('role', 'permissions')).toMatch(/project\.get .*viewer, operator, admin, owner, auditor .*Reads/);
    const wrong = await desk.run('role', 'create', 'reader', '--permission', 'project.fly');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('no permission "project.fly"')]);
    const permissions = ['--permission', 'project.get', '--permission', 'project.list'];
    await ok('role', 'create', 'reader', ...permissions, '--description', 'reads projects');
    expect(await ok('role', 'list')).toMatch(/reader +2 +reads projects/);
    await ok('service-account', 'create', 'ci');
    await ok('group', 'create', 'robots');
    await ok('group', 'add', 'robots', 'service-account:ci');
    expect(await ok('group', 'members', 'robots')).toMatch(/^ci /m);
    const bound = await ok('member', 'set', 'group:robots', '--role', 'reader', '--scope', 'project', '--for', '8h');
    expect(bound).toMatch(/UNTIL +20/);
    const secret = (await ok('api-key', 'create', 'deploy', '--service-account', 'ci', '--output', 'name')).trim();
    robot.env['TRUFFLE_TOKEN'] = secret;

    const mine = await robot.run('project', 'list');
    expect([mine.code, mine.out]).toEqual([0, expect.stringContaining('default')]);
    const projectId = projectOf((await robot.run('project', 'get', 'default')).out);
    const refused = await robot.run('project', 'delete', 'default', '--yes');
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringContaining(`access explain project.delete ${projectId}`),
    ]);
    const why = await robot.run('access', 'explain', 'project.delete', projectId);
    expect(why.out).toMatch(
      /^you may not project\.delete on prj_.*\n +has not the permission: reader at prj_.* through robots until 20/,
    );
    const who = await ok('access', 'explain', 'project.get', projectId, '--who', 'service-account:ci');
    expect(who).toMatch(/^ci may project\.get on prj_.*through the group robots\) has it\n +allows: reader/);
    const holders = await ok('access', 'who-can', 'project.get');
    expect(holders).toMatch(/^boss@example\.com +owner at org_/m);
    expect(holders).toMatch(/^ci +reader at prj_\S+ through robots/m);

    const inUse = await desk.run('role', 'delete', 'reader', '--yes');
    expect([inUse.code, inUse.err]).toEqual([6, expect.stringContaining('in 1 binding(s)')]);
    await ok('service-account', 'disable', 'ci');
    await ended(() => robot.run('project', 'list'));
  },
);

it('rotates a key, and denies', { timeout: 120_000 }, async () => {
  await ok('service-account', 'create', 'cd');
  await ok('member', 'set', 'service-account:cd', '--role', 'viewer');
  const first = (await ok('api-key', 'create', 'cd', '--service-account', 'cd', '--output', 'name')).trim();
  const rotated = await desk.run('api-key', 'rotate', 'cd', '--overlap', '1h', '--output', 'name');
  expect(rotated.err).toMatch(new RegExp(`${first.slice(0, 10)}… stays good until 20`));
  for (const secret of [first, rotated.out.trim()]) {
    robot.env['TRUFFLE_TOKEN'] = secret;
    expect((await robot.run('project', 'list')).out).toContain('default');
  }
  await ok('member', 'set', 'service-account:cd', '--role', 'viewer', '--scope', 'project', '--deny');
  expect(await ok('member', 'list')).toMatch(/service_account:sva_.* not viewer +prj_/);
  await until(
    'the project to be out of its list',
    async () => !(await robot.run('project', 'list')).out.includes('default'),
  );
  writeFileSync(join(robot.home, 'mistyped'), `${first.slice(0, -1)}${first.endsWith('0') ? '1' : '0'}`);
  expect((await robot.run('whoami', '--token-file', 'mistyped')).code).toBe(4);
});

const ended = (work: () => Promise<Ended>): Promise<unknown> =>
  until('the key to be refused', async () => (await work()).code === 4, 10_000);
