import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { MetricSample } from '@truffle/api/agent/v1/metric';

/** Samples as a chart draws them. */
export interface Series {
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  /** In percent. */
  readonly cpu: readonly (number | null)[];
  readonly memory: readonly (number | null)[];
  /** Bytes a second, like the next three. */
  readonly read: readonly (number | null)[];
  readonly written: readonly (number | null)[];
  readonly received: readonly (number | null)[];
  readonly sent: readonly (number | null)[];
}

/** Samples come each 30 s: of a longer silence nothing is said, in place of a line through it. */
const silenceSeconds = 100;

/** Turns counters into rates. A counter that fell began anew, and says nothing of the time between. */
export function seriesOf(samples: readonly MetricSample[]): Series {
  const rows = samples.flatMap((sample, i) => rowsOf(sample, samples[i - 1]));
  const column = (pick: (row: Row) => number | null): (number | null)[] => rows.map(pick);
  return {
    times: rows.map(({ time }) => time),
    cpu: column(({ now }) => (now === undefined ? null : now.cpuShare * 100)),
    memory: column(({ now }) => (now === undefined ? null : Number(now.memoryUsedBytes))),
    read: column((row) => rateOf(row, (sample) => sample.diskReadBytes)),
    written: column((row) => rateOf(row, (sample) => sample.diskWrittenBytes)),
    received: column((row) => rateOf(row, (sample) => sample.networkReceivedBytes)),
    sent: column((row) => rateOf(row, (sample) => sample.networkSentBytes)),
  };
}

interface Row {
  readonly time: number;
  /** Unset in a row that stands for a silence. */
  readonly now?: MetricSample;
  readonly before?: MetricSample;
}

const secondsOf = ({ time }: MetricSample): number => (time === undefined ? 0 : timestampMs(time) / 1000);

function rowsOf(now: MetricSample, before: MetricSample | undefined): Row[] {
  const time = secondsOf(now);
  if (before === undefined) return [{ time, now }];
  const last = secondsOf(before);
  return time - last > silenceSeconds ? [{ time: (time + last) / 2 }, { time, now }] : [{ time, now, before }];
}

function rateOf({ time, now, before }: Row, count: (sample: MetricSample) => bigint): number | null {
  if (now === undefined || before === undefined) return null;
  const more = Number(count(now) - count(before));
  const seconds = time - secondsOf(before);
  return more < 0 || seconds <= 0 ? null : more / seconds;
}
