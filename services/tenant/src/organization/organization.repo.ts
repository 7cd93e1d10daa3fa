import type { Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { OrganizationTable } from './organization.table.ts';

export type OrganizationRow = Selectable<OrganizationTable>;

export async function insertOrganization(
  tx: Transaction<TenantTables>,
  row: Insertable<OrganizationTable>,
): Promise<void> {
  await tx.insertInto('tenant.organization').values(row).execute();
}

export async function findOrganization(
  tx: Transaction<TenantTables>,
  orgId: string,
): Promise<OrganizationRow | undefined> {
  return tx
    .selectFrom('tenant.organization')
    .selectAll()
    .where('org_id', '=', orgId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

/** Holds the organization's row to the end of the transaction: who changes its owners waits here. */
export async function lockOrganization(tx: Transaction<TenantTables>, orgId: string): Promise<void> {
  await tx.selectFrom('tenant.organization').select('org_id').where('org_id', '=', orgId).forUpdate().execute();
}

/** Those of `orgIds` that are there, by name. */
export async function listOrganizations(
  tx: Transaction<TenantTables>,
  orgIds: readonly string[],
  after: string | undefined,
  limit: number,
): Promise<OrganizationRow[]> {
  let query = tx
    .selectFrom('tenant.organization')
    .selectAll()
    .where((eb) => eb('org_id', '=', eb.fn.any(eb.val([...orgIds]))))
    .where('deleted_at', 'is', null);
  if (after !== undefined) query = query.where('name', '>', after);
  return query.orderBy('name').limit(limit).execute();
}

/** Whether there is or was an organization of this name. For `svc_identity`. */
export async function isOrganizationNamed(tx: Transaction<TenantTables>, name: string): Promise<boolean> {
  const row = await tx.selectFrom('tenant.organization').select('org_id').where('name', '=', name).executeTakeFirst();
  return row !== undefined;
}

export async function setSecondFactorRequired(
  tx: Transaction<TenantTables>,
  orgId: string,
  required: boolean,
): Promise<void> {
  await tx
    .updateTable('tenant.organization')
    .set({ second_factor_required: required, revision: sql`revision + 1` })
    .where('org_id', '=', orgId)
    .execute();
}
