import { Code } from '@connectrpc/connect';
import { timestampDate, timestampMs } from '@bufbuild/protobuf/wkt';
import type { MetricSample } from '@truffle/api/agent/v1/metric';
import type { ReportMetricsRequest } from '@truffle/api/agent/v1/metric_report_service';
import { InvalidPageTokenError, pageOf, type PageWanted } from '@truffle/database';
import { isId } from '@truffle/ids';
import { Problem } from '@truffle/kit';
import { readAgentHolder } from '../agent/certificate.repo.ts';
import { demandHolder, type CertificateHolder } from '../agent/certificate.usecases.ts';
import type { GatewayDatabase } from '../tables.ts';
import {
  insertGaps,
  insertMetrics,
  readGaps,
  readMetrics,
  retentionMs,
  type MetricGapRow,
  type MetricRow,
} from './metric.repo.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** How far an agent's clock may be ahead. */
const aheadMs = 10 * minuteMs;
/** Reports of one agent in a minute; an honest one makes 8 in two. */
const reportsPerMinute = 20;
/** Rows of one report, and of one statement. */
const mostRows = 10_000;
const rowsAtOnce = 2_000;
const mostGaps = 200;

/** Takes in what agents measured: bounded for each, in few statements, once. */
export class MetricIntake {
  readonly #database: Pick<GatewayDatabase, 'tenant'>;
  readonly #now: () => number;
  #counts = new Map<string, number>();
  #since = 0;

  constructor(database: Pick<GatewayDatabase, 'tenant'>, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
  }

  /** @throws Problem when the certificate is not good any more, or it is too much */
  async take(holder: CertificateHolder, { rounds, gaps }: ReportMetricsRequest): Promise<void> {
    this.#count(holder.agentId);
    const now = this.#now();
    const isKept = (at: number): boolean => at > now - retentionMs && at < now + aheadMs;
    const rows = rounds
      .flatMap(({ agent, servers }) => {
        if (agent?.time === undefined || !isKept(timestampMs(agent.time))) return [];
        const time = timestampDate(agent.time);
        const its = servers.filter(({ serverId }) => isId(serverId, 'srv'));
        return [
          rowOf(holder.agentId, time, agent),
          ...its.flatMap(({ serverId, sample }) => (sample === undefined ? [] : [rowOf(serverId, time, sample)])),
        ];
      })
      .slice(0, mostRows);
    const told = gaps.slice(0, mostGaps).flatMap(({ from, to, n }) => {
      const whole = from !== undefined && to !== undefined && n > 0n;
      if (!whole || !isKept(timestampMs(to)) || timestampMs(from) > timestampMs(to)) return [];
      return [{ first_time: timestampDate(from), last_time: timestampDate(to), n: String(n) }];
    });
    await this.#database.tenant(holder.orgId, async (tx) => {
      demandHolder(await readAgentHolder(tx, holder.agentId), holder);
      for (let at = 0; at < rows.length; at += rowsAtOnce)
        await insertMetrics(tx, holder.orgId, holder.agentId, rows.slice(at, at + rowsAtOnce));
      await insertGaps(tx, holder.orgId, holder.agentId, told);
    });
  }

  #count(agentId: string): void {
    const now = this.#now();
    if (Math.abs(now - this.#since) >= minuteMs) {
      this.#since = now;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(agentId) ?? 0) + 1;
    this.#counts.set(agentId, count);
    if (count > reportsPerMinute)
      throw new Problem(
        Code.ResourceExhausted,
        'TOO_MANY_REPORTS',
        'the agent reports too often; it goes on in a minute',
      );
  }
}

/** Which samples are wanted. */
export interface MetricsWanted {
  readonly agentId: string;
  readonly resourceId: string;
  /** Default: an hour ago. */
  readonly start: Date | undefined;
  /** Default: now. */
  readonly end: Date | undefined;
  readonly page: PageWanted | undefined;
}

/** One page of samples, and the gaps in the time that it spans. @throws InvalidPageTokenError */
export async function listMetrics(
  database: Pick<GatewayDatabase, 'tenant'>,
  orgId: string,
  { agentId, resourceId, start, end, page: wanted }: MetricsWanted,
): Promise<{ readonly samples: MetricRow[]; readonly gaps: MetricGapRow[]; readonly next: string }> {
  const page = pageOf(wanted);
  const after = page.after === undefined ? undefined : new Date(page.after);
  if (after !== undefined && Number.isNaN(after.getTime())) throw new InvalidPageTokenError();
  const range = { start: start ?? new Date(Date.now() - hourMs), end: end ?? new Date(Date.now() + aheadMs), after };
  return database.tenant(orgId, async (tx) => {
    const rows = await readMetrics(tx, { agentId, resourceId }, range, page.limit + 1);
    const { rows: samples, next } = page.cut(rows, (row) => row.time.toISOString());
    const until = next === '' ? range.end : (samples.at(-1)?.time ?? range.end);
    return { samples, next, gaps: await readGaps(tx, agentId, after ?? range.start, until) };
  });
}

const rowOf = (resourceId: string, time: Date, sample: MetricSample): Omit<MetricRow, 'org_id' | 'agent_id'> => ({
  resource_id: resourceId,
  time,
  cpu_share: Number.isFinite(sample.cpuShare) ? Math.min(1_024, Math.max(0, sample.cpuShare)) : 0,
  memory_used_bytes: counted(sample.memoryUsedBytes),
  disk_read_bytes: counted(sample.diskReadBytes),
  disk_written_bytes: counted(sample.diskWrittenBytes),
  network_received_bytes: counted(sample.networkReceivedBytes),
  network_sent_bytes: counted(sample.networkSentBytes),
  journal_bytes: counted(sample.journalBytes),
});

const counted = (bytes: bigint): string => String(bytes < 0n ? 0n : bytes);
