import { MetricService } from '@truffle/api/agent/v1/metric_service';
import { useQuery } from '@connectrpc/connect-query';
import { useMemo } from 'react';
import { texts } from '../../texts/texts.ts';
import { bytes } from '../../ui/bytes.ts';
import { Chart } from '../../ui/chart.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { seriesOf } from '../server/rates.ts';

const text = texts.agent;
/** A sample comes each 30 s, and no event tells of it. */
const refreshMs = 30_000;
const percent = (value: number): string => `${Math.round(value * 10) / 10} %`;

/** What the agent itself used in the last hour. */
export default function Metrics({ agentId }: { readonly agentId: string }) {
  const { data, error, refetch } = useQuery(
    MetricService.method.listAgentMetrics,
    { agentId, page: { size: 500 } },
    { refetchInterval: refreshMs },
  );
  const { times, cpu, memory, journal } = useMemo(() => {
    const samples = data?.samples ?? [];
    const series = seriesOf(samples);
    return {
      times: series.times,
      cpu: [{ label: text.agentCpu, values: series.cpu }],
      memory: [{ label: text.agentMemory, values: series.memory }],
      journal: Number(samples.at(-1)?.journalBytes ?? 0n),
    };
  }, [data]);
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  if (data?.samples.length === 0)
    return <Empty title={texts.server.noMetrics} hint={text.noMetricsHint} command="truffle agent list" />;
  return (
    <div className="cards wide">
      <Chart
        title={text.agentCpu}
        times={times}
        hours={1}
        lines={cpu}
        format={percent}
        least={10}
        summary={text.lastHour}
      />
      <Chart
        title={text.agentMemory}
        times={times}
        hours={1}
        lines={memory}
        format={bytes}
        least={2 ** 26}
        summary={text.journal(bytes(journal))}
      />
    </div>
  );
}
