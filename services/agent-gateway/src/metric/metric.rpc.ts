import { create } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { MetricGapSchema, MetricSampleSchema } from '@truffle/api/agent/v1/metric';
import {
  ReportMetricsResponseSchema,
  type ReportMetricsRequest,
  type ReportMetricsResponse,
} from '@truffle/api/agent/v1/metric_report_service';
import type { MetricReadService } from '@truffle/api/agent/v1/metric_read_service';
import type { MetricService } from '@truffle/api/agent/v1/metric_service';
import { callerOf, NotFoundProblem } from '@truffle/kit';
import { readAgentBriefs } from '../agent/agent.repo.ts';
import type { CertificateHolder } from '../agent/certificate.usecases.ts';
import type { GatewayDatabase } from '../tables.ts';
import type { MetricGapRow, MetricRow } from './metric.repo.ts';
import { listMetrics, type MetricIntake } from './metric.usecases.ts';

export const metricRpc = (database: GatewayDatabase): ServiceImpl<typeof MetricService> => ({
  listAgentMetrics: async (request, context) => {
    const { orgId } = callerOf(context);
    const { agentId } = request;
    const [agent] = await database.tenant(orgId, (tx) => readAgentBriefs(tx, [agentId]));
    if (agent === undefined) throw new NotFoundProblem('agent', agentId);
    return list(database, orgId, { agentId, resourceId: agentId }, request);
  },
});

export const metricReadRpc = (database: GatewayDatabase): ServiceImpl<typeof MetricReadService> => ({
  readMetrics: (request, context) => list(database, callerOf(context).orgId, request, request),
});

async function list(
  database: GatewayDatabase,
  orgId: string,
  { agentId, resourceId }: { readonly agentId: string; readonly resourceId: string },
  { startTime, endTime, page }: Wanted,
) {
  const wanted = { agentId, resourceId, start: dateOf(startTime), end: dateOf(endTime), page };
  const { samples, gaps, next } = await listMetrics(database, orgId, wanted);
  return { samples: samples.map(sampleMessage), gaps: gaps.map(gapMessage), page: { next } };
}

interface Wanted {
  readonly startTime?: Timestamp | undefined;
  readonly endTime?: Timestamp | undefined;
  readonly page?: { readonly size: number; readonly token: string } | undefined;
}

/** What agents report, as the link's server serves it. */
export const metricReports =
  (intake: MetricIntake) =>
  async (holder: CertificateHolder, request: ReportMetricsRequest): Promise<ReportMetricsResponse> => {
    await intake.take(holder, request);
    return create(ReportMetricsResponseSchema);
  };

const dateOf = (time: Timestamp | undefined): Date | undefined =>
  time === undefined ? undefined : timestampDate(time);

const sampleMessage = (row: MetricRow) =>
  create(MetricSampleSchema, {
    time: timestampFromDate(row.time),
    cpuShare: row.cpu_share,
    memoryUsedBytes: BigInt(row.memory_used_bytes),
    diskReadBytes: BigInt(row.disk_read_bytes),
    diskWrittenBytes: BigInt(row.disk_written_bytes),
    networkReceivedBytes: BigInt(row.network_received_bytes),
    networkSentBytes: BigInt(row.network_sent_bytes),
    journalBytes: BigInt(row.journal_bytes),
  });

const gapMessage = (row: MetricGapRow) =>
  create(MetricGapSchema, {
    from: timestampFromDate(row.first_time),
    to: timestampFromDate(row.last_time),
    n: BigInt(row.n),
  });
