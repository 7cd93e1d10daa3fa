import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { PlanSchema } from '@truffle/api/orchestration/v1/cluster';
import { LogLineSchema, OperationState, StepState } from '@truffle/api/orchestration/v1/operation';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { canonicalAad, open } from '@truffle/sealing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { password, Peer, step } from './peer.ts';
import { Desk } from './program.ts';

let peer: Peer;
let desk: Desk;

beforeEach(async () => {
  peer = await Peer.start();
  desk = new Desk({ TRUFFLE_ENDPOINT: peer.url, TRUFFLE_TOKEN: peer.token });
});

afterEach(async () => {
  await peer.close();
  desk.remove();
});

const line = (cursor: string, text: string) =>
  create(LogLineSchema, { cursor, serverName: 'web-0', stream: 'stdout', text, time: timestampFromMs(0) });

describe('without a terminal', () => {
  test('signs in with a password file and keeps the session for its owner alone', async () => {
    const own = new Desk({ TRUFFLE_ENDPOINT: peer.url });
    writeFileSync(join(own.home, 'pw'), `${password}\n`);
    expect((await own.run('whoami')).code).toBe(4);
    expect((await own.run('login', '--email', 'ada@example.com', '--password-file', 'pw')).err).toBe('');
    const config = join(own.home, '.config/truffle/config.json');
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect((await own.run('whoami')).out).toContain('ada@example.com');
    expect((await own.run('logout')).code).toBe(0);
    expect(readFileSync(config, 'utf8')).not.toContain(peer.token);
    own.remove();
  });

  test('says with a wrong password what to do, and asks nobody', async () => {
    const own = new Desk({ TRUFFLE_ENDPOINT: peer.url });
    writeFileSync(join(own.home, 'pw'), 'wrong');
    const { code, err } = await own.run('login', '--email', 'ada@example.com', '--password-file', 'pw');
    expect([code, err]).toEqual([4, 'error: wrong address or password\nnext: truffle login\n']);
    expect((await own.run('login', '--password')).code).toBe(2);
    own.remove();
  });

  test('makes a cluster, seals its secret for the agent and waits', async () => {
    writeFileSync(join(desk.home, 'secret'), 'correct horse\n');
    const running = desk.start(
      'cluster',
      'create',
      'shop',
      '--template',
      'web@1.2.0',
      '--set',
      'count=3',
      '--secret-file',
      'password=secret',
      '--wait',
      '--output',
      'json',
    );
    await running.prints(/web-0 {2}Make and boot the VM: running/);
    peer.succeed();
    const { code, out, err } = await running.ended;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      id: peer.ids.cluster,
      state: 'CLUSTER_STATE_READY',
      outputs: { url: 'http://10.0.0.1/' },
    });
    expect(err).toContain('web-1  Make and boot the VM: succeeded');
    const [sent] = peer.created;
    expect(sent?.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(sent?.spec).toMatchObject({
      name: 'shop',
      agentId: peer.ids.agent,
      templateVersionId: peer.ids.version,
      parameters: { count: 3 },
    });
    const [secret] = sent?.spec.secrets ?? [];
    if (secret === undefined) throw new Error('no secret was sent');
    const aad = canonicalAad({
      tenant: peer.ids.org,
      agent: peer.ids.agent,
      secretId: `${peer.ids.project}/shop/password`,
      version: secret.version,
      purpose: 'template-parameter',
      keyId: secret.keyId,
      notAfter: Number(secret.notAfter),
    });
    expect(
      new TextDecoder().decode(await open({ privateKey: peer.sealing.privateKey, sealed: secret.sealed, aad })),
    ).toBe('correct horse');
    expect(sent?.spec.secrets.map((each) => each.name)).toEqual(['password']);
  });

  test('refuses a changed sealing key and sends no secret', async () => {
    writeFileSync(join(desk.home, 'secret'), 'correct horse');
    const args = ['cluster', 'create', 'shop', '--template', 'web', '--secret-file', 'password=secret', '--quiet'];
    expect((await desk.run(...args)).code).toBe(0);
    const other = await Peer.start();
    peer.sealing = other.sealing;
    await other.close();
    const refused = await desk.run(...args);
    expect(refused.code).toBe(6);
    expect(refused.err).toMatch(/sealing key of the agent site has changed[\s\S]*was [a-z-]+\n {2}is {2}[a-z-]+\n/);
    expect(peer.created).toHaveLength(1);
    expect((await desk.run('agent', 'trust', 'site', '--yes')).code).toBe(0);
    expect((await desk.run(...args)).code).toBe(0);
  });

  test('refuses values that do not fit before anything is sent', async () => {
    const { code, err } = await desk.run(
      'cluster',
      'create',
      'shop',
      '--template',
      'web',
      '--set',
      'count=99',
      '--set',
      'cuont=1',
    );
    expect(code).toBe(2);
    expect(err).toContain('count: 99 is out of bounds');
    expect(err).toContain('did you mean count?');
    expect((await desk.run('cluster', 'create', 'shop', '--template', 'web')).err).toContain(
      'password: The secret password is missing',
    );
    expect(peer.created).toHaveLength(0);
  });

  test('shows the plan of a dry run, and refusals with their remedy', async () => {
    const args = ['cluster', 'plan', 'shop', '--template', 'web', '--set', 'password=12345678'];
    const planned = await desk.run(...args);
    expect(planned.out).toContain('shop-web-0');
    expect(planned.err).toContain('warning: password is secret');
    peer.plan = create(PlanSchema, {
      fits: false,
      refusals: [{ reason: 'PVE_STORAGE_FULL', message: 'the storage is full', remedy: 'make room' }],
    });
    const refused = await desk.run(...args);
    expect([refused.code, refused.err.includes('next: make room')]).toEqual([1, true]);
  });

  test('shows a failure decoded, with its log and what to do', async () => {
    const running = desk.start('operation', 'watch', peer.ids.operation);
    await running.prints(/running/);
    peer.advance({
      state: OperationState.FAILED,
      endedAt: timestampFromMs(0),
      failure: {
        reason: 'PVE_STORAGE_FULL',
        message: 'the storage is full',
        cause: 'too many disks',
        remedy: 'make room',
        logTail: ['one', 'two'],
      },
    });
    const { code, err } = await running.ended;
    expect(code).toBe(1);
    expect(err).toContain(
      `error: the storage is full\n  reason: PVE_STORAGE_FULL\n  cause:  too many disks\n  log:\n    one\n    two\nnext: make room\n      truffle operation retry ${peer.ids.operation} --wait`,
    );
  });

  test('goes on from the last revision after a dropped connection', async () => {
    const running = desk.start('operation', 'watch', peer.ids.operation, '--output', 'json');
    await running.prints(/"revision":"1"/);
    peer.drop();
    await running.prints(/connection lost/);
    peer.advance({ steps: [step('web-0', StepState.RUNNING, 'cloning')] });
    await running.prints(/cloning/);
    peer.succeed();
    expect((await running.ended).code).toBe(0);
    expect(peer.watchedFrom).toEqual([0n, 1n]);
  });

  test('follows a log after a dropped connection without a line lost or doubled', async () => {
    peer.log(line('1', 'first'));
    const running = desk.start('logs', 'shop', '--follow', '--output', 'json');
    await running.prints(/first/);
    peer.drop();
    peer.log(line('2', '\u001b[31msecond\u001b]0;title\u0007'));
    await running.prints(/second/);
    peer.succeed();
    const { out } = await running.ended;
    expect(
      out
        .trim()
        .split('\n')
        .map((each) => (JSON.parse(each) as { cursor: string }).cursor),
    ).toEqual(['1', '2']);
    expect((await desk.run('logs', 'shop', '--after', '1')).out).toBe('00:00:00 web-0 | second\n');
  });

  test('repeats what may be repeated while the server is away, and maps errors to exit codes', async () => {
    peer.failures.set('ListClusters', [
      new ConnectError('away', Code.Unavailable),
      new ConnectError('away', Code.Unavailable),
    ]);
    expect((await desk.run('cluster', 'list', '-o', 'name')).out).toBe('shop\n');
    for (const [code, exit] of [
      [Code.NotFound, 5],
      [Code.AlreadyExists, 6],
      [Code.ResourceExhausted, 7],
      [Code.PermissionDenied, 1],
    ] as const) {
      peer.failures.set('ListClusters', [new ConnectError('no', code)]);
      expect((await desk.run('cluster', 'list')).code).toBe(exit);
    }
    expect((await desk.run('cluster', 'get', 'shp')).err).toContain('did you mean shop?');
    expect((await desk.run('clster', 'list')).err).toContain('Did you mean cluster?');
  });

  test('gives up in time, and says how to go on', async () => {
    const { code, err } = await desk.run('operation', 'watch', peer.ids.operation, '--timeout', '700ms');
    expect(code).toBe(124);
    expect(err).toContain(`the operation goes on\nnext: truffle operation watch ${peer.ids.operation}`);
  });

  test('leaves an operation at work when interrupted', async () => {
    const running = desk.start('operation', 'watch', peer.ids.operation);
    await running.prints(/running/);
    running.interrupt();
    const { code, err } = await running.ended;
    expect([code, err.includes(`next: truffle operation watch ${peer.ids.operation}`)]).toEqual([130, true]);
  });
});

const hasScript = spawnSync('script', ['--version']).status === 0;
if (!hasScript)
  process.stderr.write('SKIPPED: the tests in a terminal need `script` of util-linux (apt-get install bsdutils)\n');

describe.skipIf(!hasScript)('in a terminal', () => {
  test('asks for the password and does not show it', async () => {
    const own = new Desk({ TRUFFLE_ENDPOINT: peer.url });
    const running = own.inTerminal('login', '--email', 'ada@example.com');
    await running.prints(/Password/);
    running.type(`${password}\r`);
    const { code, out } = await running.ended;
    expect(code).toBe(0);
    expect(out).toContain('as ada@example.com');
    expect(out).not.toContain(password);
    own.remove();
  });

  test('asks for a missing secret, shows the plan, and redraws a tree until it is done', async () => {
    const running = desk.inTerminal('cluster', 'create', 'shop', '--template', 'web', '--wait');
    await running.prints(/password/);
    running.type('correct horse\r');
    await running.prints(/Make the cluster shop\?/);
    running.type('y');
    await running.prints(/create shop: running, 0 of 2 steps/);
    // Lines up, then clear: it is drawn over.
    // oxlint-disable-next-line no-control-regex
    await running.prints(/\u001b\[\d+A\u001b\[J/);
    peer.succeed();
    const { code, out } = await running.ended;
    expect(code).toBe(0);
    expect(out).toContain('create shop: succeeded, 2 of 2 steps');
    expect(out).toContain('output url');
    expect(out).not.toContain('correct horse');
    expect(peer.created[0]?.spec.secrets.map((each) => each.name)).toEqual(['password']);
  });

  test('detaches at Ctrl-C, gives the cursor back and says how to come back', async () => {
    const running = desk.inTerminal('operation', 'watch', peer.ids.operation);
    await running.prints(/0 of 2 steps/);
    running.type('\u0003');
    const { code, out } = await running.ended;
    expect(code).toBe(130);
    expect(out).toContain(`truffle operation watch ${peer.ids.operation}`);
    expect(out.lastIndexOf('\u001b[?25h')).toBeGreaterThan(out.lastIndexOf('\u001b[?25l'));
  });

  test('has no colours with NO_COLOR and plain lines with TERM=dumb', async () => {
    const plain = new Desk({ ...desk.env, NO_COLOR: '1', TERM: 'dumb' });
    const running = plain.inTerminal('operation', 'watch', peer.ids.operation);
    await running.prints(/web-0 {2}Make and boot the VM: running/);
    peer.succeed();
    expect((await running.ended).out).not.toContain('\u001b');
    plain.remove();
  });

  test('demands the name before it destroys', async () => {
    const running = desk.inTerminal('cluster', 'delete', 'shop');
    await running.prints(/Type its name/);
    running.type('shp\r');
    const { code, out } = await running.ended;
    expect([code, out.includes('nothing was done')]).toEqual([2, true]);
  });
});
