import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { RetentionService } from '@truffle/api/billing/v1/retention_service';
import type { Database, LedgerTables } from '@truffle/database';
import { newId } from '@truffle/ids';
import type { ModuleDeps } from '@truffle/kit';
import { removeOld, signHeads, type KeeperParts } from './audit.keeper.ts';
import type { AuditParts } from './audit.rpc.ts';
import { CheckpointSigner } from './audit.signer.ts';
import { folderSink, noSink } from './audit.sink.ts';
import { LeasedJob } from './leased-job.ts';

export interface AuditOptions {
  /** As `svc_ledger_reader`. */
  readonly events: Database<LedgerTables>;
  /** As a role that appends events. */
  readonly writer: Database<LedgerTables>;
  readonly auditCheckpoints: string;
  readonly auditCheckpointSeconds: number;
}

/** The audit trail of one process: what its methods work with, and the jobs beside them. */
export interface Audit {
  readonly parts: AuditParts;
  start(): void;
  close(): Promise<void>;
}

const lookForHeadsMs = 5_000;
const lookForOldMs = 3_600_000;

/** @throws AuditKeyError */
export function openAudit(deps: ModuleDeps, options: AuditOptions): Audit {
  const signer = new CheckpointSigner(deps.settings.serviceKeys);
  const keeper = deps.database<LedgerTables>('svc_ledger_keeper', 4);
  const now = () => new Date();
  const keeping: KeeperParts = {
    database: keeper,
    writer: options.writer,
    signer,
    sink: options.auditCheckpoints === '' ? noSink : folderSink(options.auditCheckpoints),
    now,
    logger: deps.logger,
    checkpointSeconds: options.auditCheckpointSeconds,
    retentionDays: async (orgId) =>
      (await deps.peers.client('billing', RetentionService, { orgId, requestId: newId('req') }).getAuditRetention({}))
        .days,
  };
  const job = (name: string, everyMs: number, work: (signal: AbortSignal) => Promise<boolean>): LeasedJob =>
    new LeasedJob({
      database: keeper,
      logger: deps.logger,
      name,
      holder: `${hostname()}/${randomUUID()}`,
      everyMs,
      random: Math.random,
      work,
    });
  const jobs = [
    job('audit-checkpoints', Math.min(lookForHeadsMs, options.auditCheckpointSeconds * 1_000), () =>
      signHeads(keeping),
    ),
    job('audit-retention', lookForOldMs, async (signal) => {
      await removeOld(keeping, signal);
      return false;
    }),
  ];
  return {
    parts: { events: options.events, writer: options.writer, keeper, signer, now },
    start: () => jobs.forEach((each) => each.start()),
    close: async () => {
      await Promise.all(jobs.map((each) => each.close()));
      await keeper.close();
    },
  };
}
