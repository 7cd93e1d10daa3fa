import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { DeviceLoginTable } from './device.table.ts';

export type DeviceLoginRow = Selectable<DeviceLoginTable>;

export async function insertDeviceLogin(
  tx: Transaction<TenantTables>,
  row: Insertable<DeviceLoginTable>,
): Promise<void> {
  await tx.insertInto('tenant.device_login').values(row).execute();
}

/** The one of a device's code, held until the transaction ends: of two polls at once, one waits. */
export async function lockByDevice(
  tx: Transaction<TenantTables>,
  sha256: Buffer,
  now: Date,
): Promise<DeviceLoginRow | undefined> {
  return tx
    .selectFrom('tenant.device_login')
    .selectAll()
    .where('device_sha256', '=', sha256)
    .where('expires_at', '>', now)
    .forUpdate()
    .executeTakeFirst();
}

/** One that waits for a person. */
export async function findWaiting(
  tx: Transaction<TenantTables>,
  userCodeSha256: Buffer,
  now: Date,
): Promise<DeviceLoginRow | undefined> {
  return tx
    .selectFrom('tenant.device_login')
    .selectAll()
    .where('user_code_sha256', '=', userCodeSha256)
    .where('state', '=', 0)
    .where('expires_at', '>', now)
    .executeTakeFirst();
}

/** Decides one that waits; false when it does not any more. */
export async function decide(
  tx: Transaction<TenantTables>,
  userCodeSha256: Buffer,
  set: Partial<Omit<DeviceLoginRow, 'device_sha256' | 'user_code_sha256'>>,
  now: Date,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.device_login')
    .set(set)
    .where('user_code_sha256', '=', userCodeSha256)
    .where('state', '=', 0)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function setPolled(
  tx: Transaction<TenantTables>,
  sha256: Buffer,
  at: Date,
  intervalSeconds: number,
): Promise<void> {
  await tx
    .updateTable('tenant.device_login')
    .set({ polled_at: at, interval_seconds: intervalSeconds })
    .where('device_sha256', '=', sha256)
    .execute();
}

export async function deleteDeviceLogin(tx: Transaction<TenantTables>, sha256: Buffer): Promise<void> {
  await tx.deleteFrom('tenant.device_login').where('device_sha256', '=', sha256).execute();
}

export async function deleteExpiredDeviceLogins(tx: Transaction<TenantTables>, now: Date): Promise<void> {
  await tx.deleteFrom('tenant.device_login').where('expires_at', '<=', now).execute();
}
