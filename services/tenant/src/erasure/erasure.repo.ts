import type { Transaction } from '@truffle/database';
import type { Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { ErasureTable } from './erasure.table.ts';

export type ErasureRow = Selectable<ErasureTable>;
type Tx = Transaction<TenantTables>;

/** Has what is personal about `subject` erased, in the transaction that decides it; `within` an organization, or empty for everywhere. */
export async function askErasure(tx: Tx, subject: string, within: string, now: Date): Promise<void> {
  await tx
    .insertInto('tenant.erasure')
    .values({ subject, within, asked_at: now, next_at: now })
    .onConflict((conflict) => conflict.columns(['subject', 'within']).doUpdateSet({ asked_at: now, next_at: now }))
    .execute();
}

/** For `svc_identity`. */
export const readErasures = (tx: Tx, now: Date, limit: number): Promise<ErasureRow[]> =>
  tx.selectFrom('tenant.erasure').selectAll().where('next_at', '<=', now).orderBy('next_at').limit(limit).execute();

/** Has it done again at `at`. For `svc_identity`. */
export async function postponeErasure(tx: Tx, { subject, within }: ErasureRow, at: Date): Promise<void> {
  await tx
    .updateTable('tenant.erasure')
    .set({ next_at: at })
    .where('subject', '=', subject)
    .where('within', '=', within)
    .execute();
}

/** Ends one, unless it was asked for again meanwhile. For `svc_identity`. */
export async function endErasure(tx: Tx, { subject, within, asked_at }: ErasureRow): Promise<void> {
  await tx
    .deleteFrom('tenant.erasure')
    .where('subject', '=', subject)
    .where('within', '=', within)
    .where('asked_at', '=', asked_at)
    .execute();
}
