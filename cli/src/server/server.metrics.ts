import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import type { MetricGap, MetricSample } from '@truffle/api/agent/v1/metric';
import { ListServerMetricsResponseSchema } from '@truffle/api/orchestration/v1/server_metric_service';
import { parseDuration } from '../context/duration.ts';
import type { Handler } from '../command.ts';
import { findServer } from '../lookup/find.ts';
import { everyPage } from '../lookup/pages.ts';
import { bytes, span, when } from '../output/text.ts';

/** Agents measure each 30 s; a longer silence is one. */
const silenceMs = 90_000;

interface Range {
  readonly since?: string;
  readonly until?: string;
}

/** Samples with what is missing between them: a line for each time that something was dropped, or that nothing was measured. */
export const metrics: Handler<Range> = async (cli, [name = ''], { since = '1h', until }) => {
  const session = await cli.session();
  const server = await findServer(session, name);
  const now = Date.now();
  const startTime = timestampFromMs(now - parseDuration(since, '--since'));
  const endTime = until === undefined ? {} : { endTime: timestampFromMs(now - parseDuration(until, '--until')) };
  const gaps = new Map<string, MetricGap>();
  const samples = await everyPage(async (page) => {
    const wanted = { serverId: server.id, startTime, ...endTime, page };
    const answer = await session.api.serverMetrics.listServerMetrics(wanted);
    for (const gap of answer.gaps) gaps.set(when(gap.from), gap);
    return { items: answer.samples, next: answer.page?.next };
  });
  const all = create(ListServerMetricsResponseSchema, { samples, gaps: [...gaps.values()] });
  if (cli.out.format !== 'table')
    return cli.out.one({ schema: ListServerMetricsResponseSchema, name: () => server.id, columns: {} }, all);
  cli.out.rows(['TIME', 'CPU', 'MEMORY', 'DISK READ', 'WRITTEN', 'NET IN', 'OUT', ''], rowsOf(all));
  if (samples.length === 0)
    cli.notes.say('nothing was measured then; samples come about two minutes after an agent took them');
};

function rowsOf({ samples, gaps }: { readonly samples: readonly MetricSample[]; readonly gaps: readonly MetricGap[] }) {
  const told = gaps.map((gap) => ({
    at: timeOf(gap.from),
    row: missing(gap.from, `gap: ${gap.n} samples dropped on the site until ${when(gap.to)}`),
  }));
  const rows = samples.flatMap((sample, n) => {
    const before = samples[n - 1];
    const row = { at: timeOf(sample.time), row: rowOf(sample, before) };
    const quiet = before === undefined ? 0 : row.at - timeOf(before.time);
    const known = gaps.some(
      (gap) => before !== undefined && timeOf(gap.to) > timeOf(before.time) && timeOf(gap.from) < row.at,
    );
    if (quiet < silenceMs || known) return [row];
    return [{ at: row.at - 1, row: missing(before?.time, `gap: nothing was measured for ${span(quiet)}`) }, row];
  });
  return [...told, ...rows].toSorted((a, b) => a.at - b.at).map(({ row }) => row);
}

const timeOf = (time: MetricSample['time']): number => (time === undefined ? 0 : timestampMs(time));
const missing = (from: MetricSample['time'], text: string): string[] => [
  when(from),
  ...Array<string>(6).fill('-'),
  text,
];

/** Counters are shown as rates since the sample before; `-` where there is none, or the server has started since. */
function rowOf(sample: MetricSample, before: MetricSample | undefined): string[] {
  const seconds = before === undefined ? 0 : (timeOf(sample.time) - timeOf(before.time)) / 1000;
  const rate = (now: bigint, then: bigint | undefined): string =>
    then === undefined || now < then || seconds <= 0
      ? '-'
      : `${bytes(BigInt(Math.round(Number(now - then) / seconds)))}/s`;
  return [
    when(sample.time),
    `${(sample.cpuShare * 100).toFixed(1)} %`,
    bytes(sample.memoryUsedBytes),
    rate(sample.diskReadBytes, before?.diskReadBytes),
    rate(sample.diskWrittenBytes, before?.diskWrittenBytes),
    rate(sample.networkReceivedBytes, before?.networkReceivedBytes),
    rate(sample.networkSentBytes, before?.networkSentBytes),
    '',
  ];
}
