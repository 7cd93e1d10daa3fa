import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { RetentionService } from '@truffle/api/billing/v1/retention_service';
import type { Database } from '@truffle/database';
import { newId } from '@truffle/ids';
import { bells, type ModuleDeps } from '@truffle/kit';
import type { StreamAdoption } from '../audit-stream/audit-stream.secret.ts';
import { eraseDue } from '../erasure/erasure.ts';
import type { SecretParts } from '../secret/secret.parts.ts';
import type { AuditStreamParts } from '../audit-stream/audit-stream.usecases.ts';
import { StreamPump } from '../audit-stream/pump.ts';
import type { TenantTables } from '../tables.ts';
import { removeOld, signHeads, type KeeperParts } from './audit.keeper.ts';
import type { AuditParts } from './audit.rpc.ts';
import { CheckpointSigner } from './audit.signer.ts';
import { folderSink, noSink } from './audit.sink.ts';
import { LeasedJob } from './leased-job.ts';

export interface AuditOptions {
  /** As `svc_ledger_reader`. */
  readonly events: Database<TenantTables>;
  /** As `svc_tenant`. */
  readonly tenants: Database<TenantTables>;
  readonly auditCheckpoints: string;
  readonly auditCheckpointSeconds: number;
  readonly auditStreamGiveUpHours: number;
  readonly outgoingAllow: readonly string[];
  readonly secrets: SecretParts;
  /** As `svc_identity`. */
  readonly identity: Database<TenantTables>;
}

/** The audit trail of one process: what its methods work with, and the jobs beside them. */
export interface Audit {
  readonly parts: AuditParts;
  readonly streams: AuditStreamParts;
  /** What it takes to seal streams' secrets of an earlier release anew. */
  readonly adoption: StreamAdoption;
  start(): void;
  close(): Promise<void>;
}

const lookForHeadsMs = 5_000;
const lookForOldMs = 3_600_000;
const lookForStreamsMs = 1_000;
const lookForErasuresMs = 2_000;

/** @throws AuditKeyError */
export function openAudit(deps: ModuleDeps, options: AuditOptions): Audit {
  const erasing = { ...deps, ...options, now: () => new Date(), random: Math.random };
  const signer = new CheckpointSigner(deps.settings.serviceKeys);
  const keeper = deps.database<TenantTables>('svc_ledger_keeper', 4);
  const now = () => new Date();
  const keeping: KeeperParts = {
    database: keeper,
    writer: options.tenants,
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
  const secrets = { envelope: options.secrets.envelope, oldKey: signer.derivedKey('audit-stream') };
  const delivery = {
    outgoingAllow: options.outgoingAllow,
    secrets,
    tenants: options.tenants,
    now,
    events: options.events,
  };
  const pump = new StreamPump({
    ...delivery,
    keeper,
    writer: options.tenants,
    logger: deps.logger,
    random: Math.random,
    giveUpMs: options.auditStreamGiveUpHours * 3_600_000,
  });
  const sending: LeasedJob = job('audit-streams', lookForStreamsMs, async (signal) => {
    await pump.begin(signal, () => sending.ring());
    return false;
  });
  let deafen = (): void => undefined;
  const jobs = [
    sending,
    job('audit-checkpoints', Math.min(lookForHeadsMs, options.auditCheckpointSeconds * 1_000), () =>
      signHeads(keeping),
    ),
    job('erasure', lookForErasuresMs, (signal) => eraseDue({ ...erasing, keeper }, signal)),
    job('audit-retention', lookForOldMs, async (signal) => {
      await removeOld(keeping, signal);
      return false;
    }),
  ];
  return {
    parts: { events: options.events, writer: options.tenants, keeper, signer, now },
    adoption: { ...secrets, keeper, tenants: options.tenants },
    streams: { ...delivery, wake: () => sending.ring() },
    start: () => {
      deafen = deps.bell.listen(bells.numbered('*'), () => sending.ring());
      for (const each of jobs) each.start();
    },
    close: async () => {
      deafen();
      await Promise.all(jobs.map((each) => each.close()));
      await pump.settled();
      await keeper.close();
    },
  };
}
