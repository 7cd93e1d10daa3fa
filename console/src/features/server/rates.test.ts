import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { MetricSampleSchema } from '@truffle/api/agent/v1/metric';
import { expect, test } from 'vitest';
import { seriesOf } from './rates.ts';

const sample = (seconds: number, read: bigint) =>
  create(MetricSampleSchema, { time: timestampFromMs(seconds * 1000), cpuShare: 0.5, diskReadBytes: read });

test('counters become rates; a counter that began anew and a silence say nothing', () => {
  const { times, cpu, read } = seriesOf([
    sample(0, 0n),
    sample(30, 3000n),
    sample(60, 10n),
    sample(90, 610n),
    sample(390, 900n),
    sample(420, 1200n),
  ]);
  expect(times).toEqual([0, 30, 60, 90, 240, 390, 420]);
  expect(read).toEqual([null, 100, null, 20, null, null, 10]);
  expect(cpu).toEqual([50, 50, 50, 50, null, 50, 50]);
});
