import { expect, test } from 'vitest';
import { Peer } from '../testing/peer.ts';
import { Desk } from '../testing/program.ts';

test('agent orphans lists first, removes only with a yes, and ends with 1 when something is left', async () => {
  const peer = await Peer.start();
  const desk = new Desk({ TRUFFLE_ENDPOINT: peer.url, TRUFFLE_TOKEN: peer.token });
  const none = await desk.run('agent', 'orphans', 'site', '--remove');
  expect([none.code, none.err]).toEqual([0, 'no orphans at site\n']);
  peer.orphans = [20_001, 20_002];
  const listed = await desk.run('agent', 'orphans', 'site');
  expect([listed.code, listed.out.includes('old-20002'), listed.err.includes('--remove')]).toEqual([0, true, true]);
  const unasked = await desk.run('agent', 'orphans', 'site', '--remove');
  expect([unasked.code, unasked.err.includes('--yes')]).toEqual([2, true]);
  expect(peer.asked.some(([, request]) => 'remove' in request && request.remove)).toBe(false);
  expect((await desk.run('agent', 'orphans', 'site', '--remove', '--yes')).code).toBe(0);
  peer.stuck = [20_002];
  const left = await desk.run('agent', 'orphans', 'site', '--remove', '--yes');
  expect([left.code, left.err.includes('1 of 2 could not be removed')]).toEqual([1, true]);
  peer.orphans = [20_003];
  peer.blocked = [20_003];
  const blocked = await desk.run('agent', 'orphans', 'site', '--remove', '--yes');
  expect([blocked.code, blocked.out.includes('qm unlock 20003'), blocked.err.includes('an operator')]).toEqual([
    0,
    true,
    true,
  ]);
  expect(peer.asked.filter(([, request]) => 'remove' in request && request.remove)).toHaveLength(2);
  await peer.close();
  desk.remove();
});
