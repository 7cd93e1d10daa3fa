import { spawnSync } from 'node:child_process';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { OperationKind, OperationState } from '@truffle/api/orchestration/v1/operation';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Peer } from '../testing/peer.ts';
import { Desk } from '../testing/program.ts';

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

test('asks for a change of the server as it was seen, once, and waits for its end', async () => {
  const running = desk.start('server', 'stop', 'shop-web-0', '--grace', '90s', '--wait', '--output', 'json');
  await running.prints(/web-0 {2}Make and boot the VM: running/);
  peer.succeed();
  const { code, out } = await running.ended;
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ name: 'shop-web-0', power: 'POWER_STATE_RUNNING' });
  const [[method, request, key] = []] = peer.asked;
  expect(method).toBe('StopServer');
  expect(request).toMatchObject({ serverId: peer.ids.server, revision: 7n, shutdownSeconds: 90 });
  expect(key).toMatch(/^[0-9a-f-]{36}$/);
});

test('says how to come back when it does not wait', async () => {
  const { code, err } = await desk.run('server', 'start', 'shop-web-0');
  expect([code, err]).toEqual([0, `watch it: truffle operation watch ${peer.ids.operation}\n`]);
});

test.each([
  [
    ['resize', '--memory', '2GiB', '--disk', '40GiB', '--allow-restart'],
    { memoryBytes: 2n ** 31n, cpu: 0, allowRestart: true },
  ],
  [['migrate', 'pve2', '--with-local-disks'], { targetNode: 'pve2', withLocalDisks: true }],
  [['snapshot', '--memory'], { includeMemory: true }],
])('sends %j', async ([verb = '', ...args], request) => {
  expect((await desk.run('server', verb, 'shop-web-0', ...args)).code).toBe(0);
  expect(peer.asked[0]?.[1]).toMatchObject(request);
});

test.each([
  [['resize'], 'which size?'],
  [['resize', '--cpu', '0'], '--cpu 0 is none'],
  [['resize', '--memory', 'much'], '"much" is no size'],
  [['rollback'], 'has no snapshot'],
])('refuses %j before anything is sent', async ([verb = '', ...args], text) => {
  const { code, err } = await desk.run('server', verb, 'shop-web-0', ...args);
  expect([code, err.includes(text)], err).toEqual([2, true]);
  expect(peer.asked).toEqual([]);
});

test('goes back to the newest snapshot or a named one, and never without a yes', async () => {
  peer.snapshots = ['tf-cmd_2', 'tf-cmd_1'];
  const unasked = await desk.run('server', 'rollback', 'shop-web-0');
  expect([unasked.code, unasked.err.includes('--yes')]).toEqual([2, true]);
  expect((await desk.run('server', 'rollback', 'shop-web-0', '--yes')).code).toBe(0);
  expect((await desk.run('server', 'rollback', 'shop-web-0', 'tf-cmd_1', '--yes')).code).toBe(0);
  expect(peer.asked.map(([, request]) => request)).toMatchObject([{ snapshot: 'tf-cmd_2' }, { snapshot: 'tf-cmd_1' }]);
  const unknown = await desk.run('server', 'delete-snapshot', 'shop-web-0', 'tf-cmd_3', '--yes');
  expect([unknown.code, unknown.err.includes('truffle server snapshots shop-web-0')]).toEqual([5, true]);
  expect((await desk.run('server', 'snapshots', 'shop-web-0', '--output', 'name')).out).toBe('tf-cmd_2\ntf-cmd_1\n');
});

test('names the snapshot that it waited for', async () => {
  peer.snapshots = ['tf-cmd_9'];
  const running = desk.start('server', 'snapshot', 'shop-web-0', '--wait', '--output', 'name');
  await running.prints(/running/);
  peer.succeed();
  expect((await running.ended).out).toBe('tf-cmd_9\n');
});

test('offers an undo only for what can be undone', async () => {
  const failed = { state: OperationState.FAILED, endedAt: timestampFromMs(0) };
  peer.operation.kind = OperationKind.MIGRATE_SERVER;
  peer.advance(failed);
  const args = ['server', 'migrate', 'shop-web-0', 'pve2', '--wait'];
  expect((await desk.run(...args)).err).toContain(`truffle operation undo ${peer.ids.operation} --wait`);
  peer.operation.kind = OperationKind.ROLLBACK_SERVER;
  const { code, err } = await desk.run(...args);
  expect([code, err.includes('operation retry'), err.includes('operation undo')]).toEqual([1, true, false]);
});

const hasScript = spawnSync('script', ['--version']).status === 0;
if (!hasScript)
  process.stderr.write('SKIPPED: the tests in a terminal need `script` of util-linux (apt-get install bsdutils)\n');

describe.skipIf(!hasScript)('in a terminal', () => {
  test('asks before it stops a server, and does nothing at a no', async () => {
    const running = desk.inTerminal('server', 'stop', 'shop-web-0');
    await running.prints(/Stop the server shop-web-0\?/);
    running.type('n');
    const { code, out } = await running.ended;
    expect([code, out.includes('nothing was done')]).toEqual([130, true]);
    expect(peer.asked).toEqual([]);
  });
});
