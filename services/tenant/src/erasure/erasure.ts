import { ErasureService } from '@truffle/api/orchestration/v1/erasure_service';
import type { Database } from '@truffle/database';
import { newId } from '@truffle/ids';
import type { Peers } from '@truffle/kit';
import type { Logger } from '@truffle/telemetry';
import { erasePerson } from '../audit/audit.keeper.repo.ts';
import type { TenantTables } from '../tables.ts';
import { endErasure, postponeErasure, readErasures, type ErasureRow } from './erasure.repo.ts';

export interface ErasureParts {
  /** As `svc_identity`. */
  readonly identity: Pick<Database<TenantTables>, 'anywhere'>;
  /** As `svc_ledger_keeper`. */
  readonly keeper: Pick<Database<TenantTables>, 'anywhere'>;
  readonly peers: Pick<Peers, 'client'>;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
}

const atOnce = 20;
/** Calls of a deleted account that were under way have ended by then: what they wrote is erased the second time. */
const againMs = 10 * 60_000;
const retryMs = 60_000;

/**
 * Erases what is due: of a deleted account everywhere, and of who is erased from one organization's trail (which is done by then) what other
 * services keep there. Answers whether there was as much as one round takes.
 */
export async function eraseDue(parts: ErasureParts, signal: AbortSignal): Promise<boolean> {
  const due = await parts.identity.anywhere((tx) => readErasures(tx, parts.now(), atOnce));
  for (const row of due) {
    if (signal.aborted) return false;
    try {
      await erase(parts, row);
    } catch (error) {
      parts.logger.warn({ err: error }, 'what is personal was not erased everywhere; the next round will');
      const at = new Date(parts.now().getTime() + retryMs * parts.random());
      await parts.identity.anywhere((tx) => postponeErasure(tx, row, at));
    }
  }
  return due.length === atOnce;
}

async function erase({ identity, keeper, peers, now }: ErasureParts, row: ErasureRow): Promise<void> {
  const everywhere = row.within === '';
  if (everywhere) await keeper.anywhere((tx) => erasePerson(tx, row.subject));
  const client = peers.client('orchestration', ErasureService, { orgId: row.within, requestId: newId('req') });
  await client.eraseSubject({ subject: row.subject, orgId: row.within });
  const again = new Date(row.asked_at.getTime() + againMs);
  await identity.anywhere((tx) =>
    everywhere && now() < again ? postponeErasure(tx, row, again) : endErasure(tx, row),
  );
}
