import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { MetricRoundSchema } from '@truffle/api/agent/v1/metric';
import { ReportMetricsRequestSchema, type ReportMetricsRequest } from '@truffle/api/agent/v1/metric_report_service';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { toBinary } from '@bufbuild/protobuf';
import { testFolder } from '../testing/folder.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { MetricRing } from './metric-ring.ts';
import { MetricReporter } from './reporter.ts';
import { type GuestUsage, Sampler } from './sampler.ts';

const log = pino({ level: 'silent' });
const usageOf = (vmid: number): GuestUsage => ({
  vmid,
  cpuShare: 0.25,
  memoryBytes: 2 ** 30,
  diskReadBytes: 1,
  diskWrittenBytes: 2,
  networkReceivedBytes: 3,
  networkSentBytes: 4,
});

/** A sampler and a reporter around a real ring. */
function bench(limit?: number) {
  const clock = new VirtualClock();
  const ring = new MetricRing(join(testFolder(), 'metrics.db'), limit);
  const state = { connected: true, away: false, guests: [usageOf(100), usageOf(200)], calls: 0, micros: 0 };
  const told: ReportMetricsRequest[] = [];
  const payload = create(CommandPayloadSchema, {
    op: { case: 'ensureServer', value: { serverId: 'srv_1', vmid: 100 } },
  });
  const sampler = new Sampler({
    ring,
    declared: { all: () => [{ payload: toBinary(CommandPayloadSchema, payload) }] },
    usage: () => {
      state.calls++;
      return state.guests.length === 0 ? Promise.reject(new Error('no node is up')) : Promise.resolve(state.guests);
    },
    own: { cpuMicros: () => (state.micros += 30_000), memoryBytes: () => 80_000_000, journalBytes: () => 4_096 },
    clock,
    log,
  });
  const reporter = new MetricReporter({
    ring,
    connected: () => state.connected,
    report: (request) => {
      if (state.away) return Promise.reject(new Error('away'));
      told.push(create(ReportMetricsRequestSchema, request));
      return Promise.resolve();
    },
    clock,
    random: () => 0.5,
    log,
  });
  sampler.start();
  reporter.start();
  onTestFinished(async () => {
    sampler.stop();
    await reporter.stop();
    ring.close();
  });
  const times = () => told.flatMap(({ rounds }) => rounds.map(({ agent }) => agent?.time && timestampMs(agent.time)));
  return { clock, ring, state, told, times };
}

test('measures all servers that are kept in one call each 30 s, and the agent itself', async () => {
  const { clock, ring, state } = bench();
  await clock.pass(30_000);
  expect(state.calls).toBe(1);
  const [body = new Uint8Array()] = ring.peek(10_000)?.rounds ?? [];
  const round = fromBinary(MetricRoundSchema, body);
  expect(round.servers.map(({ serverId }) => serverId)).toEqual(['srv_1']);
  expect(round.servers[0]?.sample).toMatchObject({ cpuShare: 0.25, memoryUsedBytes: 2n ** 30n, networkSentBytes: 4n });
  expect(round.agent).toMatchObject({ cpuShare: 0.001, memoryUsedBytes: 80_000_000n, journalBytes: 4_096n });
  state.guests = [];
  await clock.pass(25_000);
  await clock.pass(30_000);
  const rounds = (ring.peek(10_000)?.rounds ?? []).map((each) => fromBinary(MetricRoundSchema, each));
  expect(rounds.at(-1)).toMatchObject({ servers: [], agent: { memoryUsedBytes: 80_000_000n } });
});

test('tells each round once, those of a time without a gateway too, and what was dropped', async () => {
  const { clock, state, told, times } = bench(60 * 110);
  await clock.pass(10 * 60_000);
  const before = times().length;
  expect(before).toBeGreaterThan(12);
  state.connected = false;
  await clock.pass(60 * 60_000);
  expect(times()).toHaveLength(before);
  state.connected = true;
  state.away = true;
  await clock.pass(20 * 60_000);
  state.away = false;
  await clock.pass(20 * 60_000);
  const all = times();
  expect(new Set(all).size).toBe(all.length);
  const [gap, ...others] = told.flatMap(({ gaps }) => gaps);
  expect(others).toEqual([]);
  const missing = Number(gap?.n);
  expect(missing).toBeGreaterThan(50);
  expect(all.length + missing).toBeGreaterThanOrEqual(110 * 2 - 8);
  const within = all.filter(
    (at) => at !== undefined && gap?.from && gap.to && at >= timestampMs(gap.from) && at <= timestampMs(gap.to),
  );
  expect(within).toEqual([]);
});
