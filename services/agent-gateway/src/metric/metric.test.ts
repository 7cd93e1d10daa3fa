import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { AgentMetricReportService } from '@truffle/api/agent/v1/metric_report_service';
import { InvalidPageTokenError } from '@truffle/database';
import { newId } from '@truffle/ids';
import { testDatabase, testEngines, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sql } from 'kysely';
import { deleteAgent } from '../agent/agent.usecases.ts';
import { agentGatewayMigrations } from '../migrations.ts';
import type { Tables } from '../tables.ts';
import { askPeer } from '../testing/call.ts';
import { enrolPeer, type PeerKeys } from '../testing/peer.ts';
import { makeWorld, type Running, type World } from '../testing/world.ts';
import { deleteOldMetrics, retentionMs } from './metric.repo.ts';
import { listMetrics, MetricIntake } from './metric.usecases.ts';

let database: TestDatabase;
let world: World;
let one: Running;
beforeAll(async () => {
  database = await testDatabase([agentGatewayMigrations]);
  world = await makeWorld(database, testEngines().natsUrl);
  one = await world.startGateway();
});
afterAll(() => world?.close());

const server: string = newId('srv');
const start = Date.now() - 30 * 60_000;
const at = (n: number): number => start + n * 30_000;
const sample = (n: number) => ({
  cpuShare: n / 100,
  memoryUsedBytes: BigInt(n) * 2n ** 20n,
  networkSentBytes: BigInt(n),
});
const round = (n: number, time = at(n)) => ({
  servers: [{ serverId: server, sample: sample(n) }],
  agent: { ...sample(1), time: timestampFromMs(time), journalBytes: 4_096n },
});
const gap = (from: number, to: number, n: number) => ({
  from: timestampFromMs(at(from)),
  to: timestampFromMs(at(to)),
  n: BigInt(n),
});

const report = (keys: PeerKeys, request: { rounds?: ReturnType<typeof round>[]; gaps?: ReturnType<typeof gap>[] }) =>
  askPeer(one.endpoint, world.enrollment.authorities.pem, keys, AgentMetricReportService.method.reportMetrics, request);
const list = (
  agentId: string,
  resourceId: string = server,
  page?: { size?: number; token?: string },
  orgId = world.orgId,
) => listMetrics(one.parts.database, orgId, { agentId, resourceId, start: new Date(start), end: undefined, page });

it('takes what an agent measured once, in pages and with its gaps, and shows it to its tenant alone', async () => {
  const keys = await enrolPeer(world, 'meter');
  const rounds = [5, 6, 7, 8, 9].map((n) => round(n));
  for (let twice = 0; twice < 2; twice++) await report(keys, { rounds, gaps: [gap(1, 4, 4)] });
  await report(keys, { rounds: [round(9), round(20)], gaps: [gap(1, 4, 4), gap(10, 19, 10)] });

  const first = await list(keys.agentId, server, { size: 4 });
  expect(first.samples.map((row) => Number(row.network_sent_bytes))).toEqual([5, 6, 7, 8]);
  expect(first.samples[0]).toMatchObject({ time: new Date(at(5)), memory_used_bytes: String(5 * 2 ** 20) });
  expect(first.gaps.map(({ n }) => n)).toEqual(['4']);
  const second = await list(keys.agentId, server, { size: 4, token: first.next });
  expect([second.samples.map((row) => Number(row.network_sent_bytes)), second.next]).toEqual([[9, 20], '']);
  expect(second.gaps.map(({ first_time: from, n }) => [from, n])).toEqual([[new Date(at(10)), '10']]);
  await expect(list(keys.agentId, server, { token: 'MTp4' })).rejects.toThrow(InvalidPageTokenError);

  expect((await list(keys.agentId, keys.agentId)).samples[0]).toMatchObject({ journal_bytes: '4096' });
  expect((await list(keys.agentId, server, {}, newId('org'))).samples).toEqual([]);
});

it('what one agent says of a server is not what another says of it', async () => {
  const [owner, liar] = [await enrolPeer(world, 'owner'), await enrolPeer(world, 'liar')];
  await report(liar, { rounds: [round(50)] });
  expect((await list(owner.agentId)).samples).toEqual([]);
});

it('leaves out what is of no time or no server, and bounds what makes no sense', async () => {
  const keys = await enrolPeer(world, 'odd');
  const mad = round(1);
  await report(keys, {
    rounds: [
      round(2, Date.now() - retentionMs - 1),
      round(3, Date.now() + 3_600_000),
      {
        ...mad,
        servers: [
          { serverId: 'x', sample: sample(1) },
          { serverId: server, sample: { ...sample(1), cpuShare: NaN, memoryUsedBytes: -5n } },
        ],
      },
    ],
    gaps: [gap(5, 1, 3), gap(1, 2, 0)],
  });
  const { samples, gaps } = await list(keys.agentId);
  expect(samples).toMatchObject([{ cpu_share: 0, memory_used_bytes: '0' }]);
  expect(gaps).toEqual([]);
});

it('refuses an agent that was revoked, and one that reports in a loop', async () => {
  const keys = await enrolPeer(world, 'loop');
  const all = await Promise.allSettled(Array.from({ length: 25 }, () => report(keys, { rounds: [] })));
  const refused = all.filter((each) => each.status === 'rejected').map((each) => String(each.reason));
  expect(refused).toHaveLength(5);
  expect(refused[0]).toContain('TOO_MANY_REPORTS');

  const revoked = await enrolPeer(world, 'revoked');
  await deleteAgent(one.parts, world.caller, revoked.agentId, 0n);
  const intake = new MetricIntake(one.parts.database);
  const holder = { orgId: world.orgId, agentId: revoked.agentId, certificateSerial: 'x' };
  const request = { $typeName: 'truffle.agent.v1.ReportMetricsRequest', rounds: [], gaps: [] } as const;
  await expect(intake.take(holder, { ...request, rounds: [], gaps: [] })).rejects.toMatchObject({
    reason: 'AGENT_REVOKED',
  });
});

it('is kept for a week', async () => {
  const keys = await enrolPeer(world, 'old');
  await report(keys, { rounds: [1, 2, 3].map((n) => round(n)), gaps: [gap(4, 5, 2)] });
  const sweep = database.open<Tables>('svc_agent_sweep');
  const later = at(2) + retentionMs + 1;
  expect(await sweep.anywhere((tx) => deleteOldMetrics(tx, later, 1))).toBe(1);
  while ((await sweep.anywhere((tx) => deleteOldMetrics(tx, later, 100))) > 0);
  expect((await list(keys.agentId)).samples.map(({ time }) => time.getTime())).toEqual([at(3)]);
  await sweep.anywhere((tx) => deleteOldMetrics(tx, at(5) + retentionMs + 1, 100));
  expect((await list(keys.agentId)).gaps).toEqual([]);
  await expect(
    one.parts.database.tenant(world.orgId, (tx) => sql`delete from agent_gateway.metric`.execute(tx)),
  ).rejects.toThrow(/permission denied/);
});
