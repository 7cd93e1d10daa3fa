import { appendEvent, type Database, type LedgerTables } from '@truffle/database';
import { newId } from '@truffle/ids';
import type { Logger } from '@truffle/telemetry';
import {
  beginAfter,
  lastBefore,
  noteCheckpoint,
  readOrganizations,
  readUnprovenHeads,
  removeSome,
  writeCheckpoint,
} from './audit.keeper.repo.ts';
import type { CheckpointSigner } from './audit.signer.ts';
import type { CheckpointSink } from './audit.sink.ts';

export interface KeeperParts {
  /** As `svc_ledger_keeper`. */
  readonly database: Pick<Database<LedgerTables>, 'anywhere'>;
  /** As a role that appends events. */
  readonly writer: Pick<Database<LedgerTables>, 'tenant'>;
  readonly signer: CheckpointSigner;
  readonly sink: CheckpointSink;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Days that an organization's plan keeps its trail; 0 for ever. */
  readonly retentionDays: (orgId: string) => Promise<number>;
  /** Seconds between two checkpoints of one organization. */
  readonly checkpointSeconds: number;
}

const headsAtOnce = 100;
const organizationsAtOnce = 100;
const removedAtOnce = 1_000;
const dayMs = 86_400_000;

/** Signs the heads that wait for it. The second place has a checkpoint before the database says so. True when there may be more. */
export async function signHeads(parts: KeeperParts): Promise<boolean> {
  const { database, signer, sink } = parts;
  const heads = await database.anywhere((tx) => readUnprovenHeads(tx, parts.checkpointSeconds, headsAtOnce));
  if (heads.length === 0) return false;
  const at = parts.now();
  const checkpoints = heads.map(({ org_id, n, hash }) => signer.sign('head', org_id, n, hash, at));
  await sink.write(checkpoints);
  await database.anywhere(async (tx) => {
    for (const checkpoint of checkpoints) {
      await writeCheckpoint(tx, checkpoint);
      await noteCheckpoint(tx, checkpoint.org_id, checkpoint.n);
    }
  });
  return heads.length === headsAtOnce;
}

/** Removes what the plans no longer keep, organization by organization. */
export async function removeOld(parts: KeeperParts, signal: AbortSignal): Promise<void> {
  for (let after = ''; !signal.aborted;) {
    const orgIds = await parts.database.anywhere((tx) => readOrganizations(tx, after, organizationsAtOnce));
    for (const orgId of orgIds)
      try {
        await removeOldOf(parts, orgId, signal);
      } catch (error) {
        parts.logger.warn(
          { err: error, orgId },
          'old records of the audit trail could not be removed; the next round will',
        );
      }
    if (orgIds.length < organizationsAtOnce) return;
    after = orgIds.at(-1) ?? '';
  }
}

/** First a checkpoint stands for what goes, then it goes, in batches; one that was cut short is taken up by the next round. */
async function removeOldOf(parts: KeeperParts, orgId: string, signal: AbortSignal): Promise<void> {
  const { database, signer, sink, writer } = parts;
  const days = await parts.retentionDays(orgId);
  const last =
    days > 0
      ? await database.anywhere((tx) => lastBefore(tx, orgId, new Date(parts.now().getTime() - days * dayMs)))
      : undefined;
  if (last !== undefined) {
    const start = signer.sign('start', orgId, last.n, last.hash, parts.now());
    await sink.write([start]);
    await database.anywhere(async (tx) => {
      await writeCheckpoint(tx, start);
      await beginAfter(tx, orgId, last.n);
    });
    await writer.tenant(orgId, (tx) =>
      appendEvent(
        tx,
        { subject: 'svc:tenant', requestId: newId('req') },
        { orgId, name: 'audit.removed', resourceId: orgId, data: { upTo: last.n, days } },
      ),
    );
  }
  while (!signal.aborted && (await database.anywhere((tx) => removeSome(tx, orgId, removedAtOnce))) === removedAtOnce);
}
