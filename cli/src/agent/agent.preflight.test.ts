import { expect, test } from 'vitest';
import { Peer } from '../testing/peer.ts';
import { Desk } from '../testing/program.ts';

test('agent preflight says what a site lacks and ends with 1, and with 0 when it lacks nothing', async () => {
  const peer = await Peer.start();
  const desk = new Desk({ TRUFFLE_ENDPOINT: peer.url, TRUFFLE_TOKEN: peer.token });
  const unknown = await desk.run('agent', 'preflight', 'site');
  expect(unknown.code).toBe(2);
  expect(unknown.err).toContain('truffle-agent preflight --config site.yaml');
  peer.problems = ['The API token lacks VM.Clone on /vms/9000.'];
  const bad = await desk.run('agent', 'preflight', 'site');
  expect([bad.code, bad.out]).toEqual([1, '- The API token lacks VM.Clone on /vms/9000.\n']);
  const json = await desk.run('agent', 'preflight', 'site', '--output', 'json');
  expect(JSON.parse(json.out)).toEqual({ agent: 'site', ready: false, problems: peer.problems });
  peer.problems = [];
  const good = await desk.run('agent', 'preflight', 'site');
  expect([good.code, good.out]).toEqual([0, expect.stringContaining('site: ready')]);
  await peer.close();
  desk.remove();
});
