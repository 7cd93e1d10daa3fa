import { Role } from '@truffle/api/tenant/v1/account';
import type { Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { BindingTable } from './binding.table.ts';

export type BindingRow = Selectable<BindingTable>;

export async function insertBinding(tx: Transaction<TenantTables>, row: Insertable<BindingTable>): Promise<void> {
  await tx.insertInto('tenant.role_binding').values(row).execute();
}

/** Makes a binding unless the subject has one at this place; whether it did. For `svc_identity`. */
export async function insertBindingOnce(
  tx: Transaction<TenantTables>,
  row: Insertable<BindingTable>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await tx
    .insertInto('tenant.role_binding')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
}

/** Organizations of a person that demand a second factor. For `svc_identity`. */
export async function demandingOrganizations(tx: Transaction<TenantTables>, subject: string): Promise<string[]> {
  const rows = await tx
    .selectFrom('tenant.role_binding')
    .innerJoin('tenant.organization', 'tenant.organization.org_id', 'tenant.role_binding.org_id')
    .select('tenant.organization.org_id')
    .distinct()
    .where('subject', '=', subject)
    .where('tenant.organization.deleted_at', 'is', null)
    .where('tenant.organization.second_factor_required', '=', true)
    .orderBy('tenant.organization.org_id')
    .execute();
  return rows.map((row) => row.org_id);
}

export async function findBinding(tx: Transaction<TenantTables>, id: string): Promise<BindingRow | undefined> {
  return tx.selectFrom('tenant.role_binding').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findBindingAt(
  tx: Transaction<TenantTables>,
  subject: string,
  scopeId: string,
): Promise<BindingRow | undefined> {
  return tx
    .selectFrom('tenant.role_binding')
    .selectAll()
    .where('subject', '=', subject)
    .where('scope_id', '=', scopeId)
    .executeTakeFirst();
}

/** Oldest first: ids sort by the time of their making. */
export async function listBindings(
  tx: Transaction<TenantTables>,
  after: string | undefined,
  limit: number,
): Promise<BindingRow[]> {
  let query = tx.selectFrom('tenant.role_binding').selectAll();
  if (after !== undefined) query = query.where('id', '>', after);
  return query.orderBy('id').limit(limit).execute();
}

/** Every binding of a person, in all organizations that are there. For `svc_identity`. */
export async function bindingsOfSubject(tx: Transaction<TenantTables>, subject: string): Promise<BindingRow[]> {
  return tx
    .selectFrom('tenant.role_binding')
    .innerJoin('tenant.organization', 'tenant.organization.org_id', 'tenant.role_binding.org_id')
    .selectAll('tenant.role_binding')
    .where('subject', '=', subject)
    .where('tenant.organization.deleted_at', 'is', null)
    .orderBy('tenant.role_binding.id')
    .limit(mostBindings)
    .execute();
}

/** Bindings of one person that are looked at. */
const mostBindings = 1_000;

export async function setRole(tx: Transaction<TenantTables>, id: string, role: Role): Promise<void> {
  await tx
    .updateTable('tenant.role_binding')
    .set({ role, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}

export async function deleteBinding(tx: Transaction<TenantTables>, id: string): Promise<void> {
  await tx.deleteFrom('tenant.role_binding').where('id', '=', id).execute();
}

/** Deletes every binding at a place; returns what they held in the quota. */
export async function deleteBindingsAt(tx: Transaction<TenantTables>, scopeId: string): Promise<(string | null)[]> {
  const rows = await tx
    .deleteFrom('tenant.role_binding')
    .where('scope_id', '=', scopeId)
    .returning('quota_holder')
    .execute();
  return rows.map((row) => row.quota_holder);
}

/** Owners of the whole organization other than `bindingId`. */
export async function countOtherOwners(
  tx: Transaction<TenantTables>,
  orgId: string,
  bindingId: string,
): Promise<number> {
  const { count } = await tx
    .selectFrom('tenant.role_binding')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('scope_id', '=', orgId)
    .where('role', '=', Role.OWNER)
    .where('id', '<>', bindingId)
    .executeTakeFirstOrThrow();
  return Number(count);
}
