import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, expect, test } from 'vitest';
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

const at = (seconds: number) => timestampFromMs(Date.UTC(2026, 0, 1) + seconds * 1000);
const sample = (seconds: number, networkSentBytes: bigint) => ({
  time: at(seconds),
  cpuShare: 0.125,
  memoryUsedBytes: 2n ** 30n,
  networkSentBytes,
});

test('shows rates, and every time of which nothing is known', async () => {
  peer.metrics = {
    samples: [sample(0, 0n), sample(30, 30_720n), sample(630, 40_000n), sample(660, 10n), sample(1_260, 20n)],
    gaps: [{ from: at(690), to: at(1_230), n: 19n }],
  };
  const { code, out } = await desk.run('server', 'metrics', 'shop-web-0');
  expect(code).toBe(0);
  const [head = '', ...lines] = out.trimEnd().split('\n');
  expect(head.split(/ {2,}/)).toEqual(['TIME', 'CPU', 'MEMORY', 'DISK READ', 'WRITTEN', 'NET IN', 'OUT']);
  expect(lines.map((line) => line.split(/ {2,}/).slice(6).join(' '))).toEqual([
    '-',
    '1 KiB/s',
    '- gap: nothing was measured for 10m',
    '15 B/s',
    '-',
    '- gap: 19 samples dropped on the site until 2026-01-01T00:20:30.000Z',
    '0 B/s',
  ]);
  expect(lines[1]).toContain('12.5 %   1 GiB');
});

test('says so when there is nothing, and refuses a time that is none', async () => {
  const { err } = await desk.run('server', 'metrics', 'shop-web-0', '--since', '2h');
  expect(err).toContain('nothing was measured then');
  expect((await desk.run('server', 'metrics', 'shop-web-0', '--since', 'soon')).code).toBe(2);
  const { out } = await desk.run('server', 'metrics', 'shop-web-0', '--output', 'json');
  expect(JSON.parse(out)).toMatchObject({ samples: [], gaps: [] });
});
