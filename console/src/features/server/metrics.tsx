import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { callUnaryMethod, createConnectQueryKey, useTransport } from '@connectrpc/connect-query';
import { SegmentedControl, Text } from '@radix-ui/themes';
import type { Transport } from '@connectrpc/connect';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { MetricSample } from '@truffle/api/agent/v1/metric';
import { ServerMetricService } from '@truffle/api/orchestration/v1/server_metric_service';
import { useMemo } from 'react';
import { texts } from '../../texts/texts.ts';
import { bytes } from '../../ui/bytes.ts';
import { Chart, type ChartLine } from '../../ui/chart.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { seriesOf, type Series } from './rates.ts';

const text = texts.server;
const from = '/o/$org/p/$project/servers/$serverId';
const ranges = ['1', '6', '24'] as const;
const hourMs = 3_600_000;
/** A sample comes each 30 s, and no event tells of it. */
const refreshMs = 30_000;
const method = ServerMetricService.method.listServerMetrics;

async function readAll(transport: Transport, serverId: string, hours: number): Promise<readonly MetricSample[]> {
  const samples: MetricSample[] = [];
  const startTime = timestampFromMs(Date.now() - hours * hourMs);
  let token = '';
  do {
    const answer = await callUnaryMethod(transport, method, { serverId, startTime, page: { size: 500, token } });
    samples.push(...answer.samples);
    token = answer.page?.next ?? '';
  } while (token !== '');
  return samples;
}

const rate = (value: number): string => `${bytes(value)}/s`;
const percent = (value: number): string => `${Math.round(value * 10) / 10} %`;

const chartsOf = (series: Series) => [
  { title: text.cpuUsed, format: percent, least: 10, lines: [{ label: text.cpuUsed, values: series.cpu }] },
  {
    title: text.memoryUsed,
    format: bytes,
    least: 2 ** 26,
    lines: [{ label: text.memoryUsed, values: series.memory }],
  },
  {
    title: text.disk,
    format: rate,
    least: 1024,
    lines: [
      { label: text.read, values: series.read },
      { label: text.written, values: series.written },
    ],
  },
  {
    title: text.network,
    format: rate,
    least: 1024,
    lines: [
      { label: text.received, values: series.received },
      { label: text.sent, values: series.sent },
    ],
  },
];

/** What a server used, drawn over the last hours. */
export default function Metrics({ serverId }: { readonly serverId: string }) {
  const { hours = '1' } = useSearch({ from });
  const navigate = useNavigate({ from });
  const transport = useTransport();
  const { data, error, refetch } = useQuery({
    queryKey: [
      ...createConnectQueryKey({ schema: method, input: { serverId }, transport, cardinality: 'finite' }),
      hours,
    ],
    queryFn: () => readAll(transport, serverId, Number(hours)),
    refetchInterval: refreshMs,
  });
  const series = useMemo(() => seriesOf(data ?? []), [data]);
  const charts = useMemo(() => chartsOf(series), [series]);
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  return (
    <>
      <div className="filters gap-below">
        <SegmentedControl.Root
          value={hours}
          aria-label={text.range}
          onValueChange={(next) => void navigate({ search: (was) => ({ ...was, hours: next }), replace: true })}
        >
          {ranges.map((each) => (
            <SegmentedControl.Item key={each} value={each}>
              {text.hours(Number(each))}
            </SegmentedControl.Item>
          ))}
        </SegmentedControl.Root>
      </div>
      {data?.length === 0 ? (
        <Empty title={text.noMetrics} hint={text.noMetricsHint} command="truffle server metrics NAME" />
      ) : (
        data !== undefined && (
          <div className="cards wide">
            {charts.map(({ title, format, least, lines }) => (
              <Chart
                key={title}
                title={title}
                times={series.times}
                hours={Number(hours)}
                lines={lines}
                format={format}
                least={least}
                summary={summaryOf(lines, format)}
              />
            ))}
          </div>
        )
      )}
      {data !== undefined && data.length > 0 && (
        <Text size="1" color="gray">
          {text.eachHalfMinute}
        </Text>
      )}
    </>
  );
}

/** The last and the highest value of each line, in words. */
function summaryOf(lines: readonly ChartLine[], format: (value: number) => string): string {
  return lines
    .map(({ label, values }) => {
      const known = values.filter((value) => value !== null);
      return known.length === 0
        ? `${label}: –`
        : text.summary(
            lines.length === 1 ? '' : `${label}: `,
            format(known.at(-1) ?? 0),
            format(known.reduce((a, b) => Math.max(a, b), 0)),
          );
    })
    .join(' · ');
}
