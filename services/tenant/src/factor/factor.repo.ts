import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import { enrolmentMs } from './factor.ts';
import type { FactorTable } from './factor.table.ts';
import { recoveryDigest } from './recovery-code.ts';

export type FactorRow = Selectable<FactorTable>;

/** A person's factors that count, oldest first. There are few: the number is bounded when one is added. */
export async function factorsOf(tx: Transaction<TenantTables>, userId: string): Promise<FactorRow[]> {
  return tx
    .selectFrom('tenant.factor')
    .selectAll()
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .orderBy('id')
    .execute();
}

/** Whether the person has a second factor. */
export async function hasFactor(tx: Transaction<TenantTables>, userId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('tenant.factor')
    .select('id')
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Holds the person's row to the end of the transaction: who adds or removes their factors waits here. */
export async function lockUser(tx: Transaction<TenantTables>, userId: string): Promise<void> {
  await tx.selectFrom('tenant.user').select('id').where('id', '=', userId).forNoKeyUpdate().execute();
}

/** Adds a factor; the person's unconfirmed ones of before go. */
export async function insertFactor(tx: Transaction<TenantTables>, row: Insertable<FactorTable>): Promise<void> {
  await tx.deleteFrom('tenant.factor').where('user_id', '=', row.user_id).where('confirmed_at', 'is', null).execute();
  await tx.insertInto('tenant.factor').values(row).execute();
}

/** An authenticator app that waits for its first code. */
export async function findUnconfirmed(
  tx: Transaction<TenantTables>,
  userId: string,
  id: string,
  now: Date,
): Promise<FactorRow | undefined> {
  return tx
    .selectFrom('tenant.factor')
    .selectAll()
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is', null)
    .where('created_at', '>', new Date(now.getTime() - enrolmentMs))
    .executeTakeFirst();
}

export async function confirmFactor(
  tx: Transaction<TenantTables>,
  id: string,
  step: number,
  now: Date,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.factor')
    .set({ confirmed_at: now, last_step: String(step) })
    .where('id', '=', id)
    .where('confirmed_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Notes that a code of `step` was used; false when one of it or of a later step was already. */
export async function takeStep(tx: Transaction<TenantTables>, id: string, step: number, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.factor')
    .set({ last_step: String(step), last_used_at: now })
    .where('id', '=', id)
    .where('last_step', '<', String(step))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Notes a passkey's use; false when its counter moved meanwhile. */
export async function countPasskey(
  tx: Transaction<TenantTables>,
  row: FactorRow,
  counter: number,
  now: Date,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.factor')
    .set({ counter: String(counter), last_used_at: now })
    .where('id', '=', row.id)
    .where('counter', '=', row.counter)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function findPasskey(tx: Transaction<TenantTables>, credentialId: string): Promise<FactorRow | undefined> {
  return tx
    .selectFrom('tenant.factor')
    .selectAll()
    .where('credential_id', '=', credentialId)
    .where('confirmed_at', 'is not', null)
    .executeTakeFirst();
}

export async function deleteFactor(tx: Transaction<TenantTables>, id: string): Promise<void> {
  await tx.deleteFrom('tenant.factor').where('id', '=', id).execute();
}

/** Factors whose seed an earlier release sealed, in the order of their ids after `after`. */
export async function readOldSeeds(tx: Transaction<TenantTables>, after: string, limit: number): Promise<FactorRow[]> {
  return tx
    .selectFrom('tenant.factor')
    .selectAll()
    .where('old_sealed_seed', 'is not', null)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .forUpdate()
    .execute();
}

/** Puts a seed that was sealed anew in the place of the one of an earlier release. */
export async function setSeed(tx: Transaction<TenantTables>, id: string, sealed: Buffer): Promise<void> {
  await tx
    .updateTable('tenant.factor')
    .set({ sealed_seed: sealed, old_sealed_seed: null })
    .where('id', '=', id)
    .execute();
}

/** Puts new recovery codes in place of the old ones; none, without any. */
export async function setRecoveryCodes(
  tx: Transaction<TenantTables>,
  userId: string,
  codes: readonly string[],
): Promise<void> {
  await tx.deleteFrom('tenant.recovery_code').where('user_id', '=', userId).execute();
  if (codes.length > 0)
    await tx
      .insertInto('tenant.recovery_code')
      .values(codes.map((code) => ({ user_id: userId, sha256: recoveryDigest(code) })))
      .execute();
}

/** Uses a recovery code up; false when it is none. */
export async function takeRecoveryCode(tx: Transaction<TenantTables>, userId: string, code: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('tenant.recovery_code')
    .where('user_id', '=', userId)
    .where('sha256', '=', recoveryDigest(code))
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export async function countRecoveryCodes(tx: Transaction<TenantTables>, userId: string): Promise<number> {
  const { count } = await tx
    .selectFrom('tenant.recovery_code')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow();
  return Number(count);
}
