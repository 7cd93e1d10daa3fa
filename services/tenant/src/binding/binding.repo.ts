import { Effect, Role } from '@truffle/api/tenant/v1/account';
import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { BindingTable } from './binding.table.ts';

export type BindingRow = Selectable<BindingTable>;

/** A binding with what its custom role is made of; both null for a built-in one. */
export type BindingView = BindingRow & {
  readonly role_name: string | null;
  readonly role_permissions: string[] | null;
};

/** A subject itself and the groups that it is in. */
const subjectsOf = (subject: string) =>
  sql<string>`any(array(select ${subject}::text union all select 'group:' || group_id from tenant.group_member where subject = ${subject}))`;

const view = (tx: Transaction<TenantTables>) =>
  tx
    .selectFrom('tenant.role_binding as b')
    .leftJoin('tenant.role as r', (join) => join.onRef('r.org_id', '=', 'b.org_id').onRef('r.id', '=', 'b.role_id'))
    .selectAll('b')
    .select(['r.name as role_name', 'r.permissions as role_permissions']);

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
    .where('subject', '=', subjectsOf(subject))
    .where('tenant.organization.deleted_at', 'is', null)
    .where('tenant.organization.second_factor_required', '=', true)
    .orderBy('tenant.organization.org_id')
    .execute();
  return rows.map((row) => row.org_id);
}

export async function findBinding(tx: Transaction<TenantTables>, id: string): Promise<BindingView | undefined> {
  return view(tx).where('b.id', '=', id).executeTakeFirst();
}

export async function findBindingAt(
  tx: Transaction<TenantTables>,
  subject: string,
  scopeId: string,
  slot: string,
): Promise<BindingView | undefined> {
  return view(tx)
    .where('b.subject', '=', subject)
    .where('b.scope_id', '=', scopeId)
    .where('b.slot', '=', slot)
    .executeTakeFirst();
}

/** What bindings can be ordered by. Ids sort by the time of their making; what does not expire comes last. */
export const bindingOrdering: Ordering = {
  tie: 'b.id',
  by: {
    created_at: { sql: 'b.id', type: 'text', unique: true },
    role: { sql: 'b.role', type: 'int' },
    expires_at: { sql: `coalesce(b.expires_at, 'infinity'::timestamptz)`, type: 'timestamptz' },
  },
};

export const listBindings = (tx: Transaction<TenantTables>, page: OrderedPage): Promise<(BindingView & OrderKey)[]> =>
  page.of(view(tx)).execute();

/** Every binding of one of `subjects` itself, whoever else has it. */
export async function bindingsOf(tx: Transaction<TenantTables>, subjects: readonly string[]): Promise<BindingView[]> {
  return view(tx)
    .where((eb) => eb('b.subject', '=', eb.fn.any(eb.val([...subjects]))))
    .orderBy('b.id')
    .execute();
}

/** Every binding of a subject, its own and its groups', in all organizations that are there. For `svc_identity`. */
export async function bindingsOfSubject(tx: Transaction<TenantTables>, subject: string): Promise<BindingView[]> {
  return (
    view(tx)
      .innerJoin('tenant.organization as o', 'o.org_id', 'b.org_id')
      .where('b.subject', '=', subjectsOf(subject))
      .where('o.deleted_at', 'is', null)
      // What denies is never among those that are left out.
      .orderBy('b.effect', 'desc')
      .orderBy('b.id')
      .limit(mostBindings)
      .execute()
  );
}

/** Bindings of one subject that are looked at. */
const mostBindings = 2_000;

export type BindingChange = Pick<BindingRow, 'role' | 'role_id' | 'starts_at' | 'expires_at'>;

export async function changeBinding(
  tx: Transaction<TenantTables>,
  id: string,
  { role, role_id, starts_at, expires_at }: BindingChange,
): Promise<void> {
  await tx
    .updateTable('tenant.role_binding')
    .set({ role, role_id, starts_at, expires_at, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}

export async function deleteBinding(tx: Transaction<TenantTables>, id: string): Promise<void> {
  await tx.deleteFrom('tenant.role_binding').where('id', '=', id).execute();
}

/** Deletes every binding at a place and at the resources in it; returns what they held in the quota. */
export async function deleteBindingsAt(tx: Transaction<TenantTables>, scopeId: string): Promise<(string | null)[]> {
  const rows = await tx
    .deleteFrom('tenant.role_binding')
    .where((eb) =>
      eb.or([eb('scope_id', '=', scopeId), eb('project_id', '=', scopeId), eb('workspace_id', '=', scopeId)]),
    )
    .returning('quota_holder')
    .execute();
  return rows.map((row) => row.quota_holder);
}

/** Deletes what a subject was given; returns what that held in the quota. */
export async function deleteBindingsOf(tx: Transaction<TenantTables>, subject: string): Promise<(string | null)[]> {
  const rows = await tx
    .deleteFrom('tenant.role_binding')
    .where('subject', '=', subject)
    .returning('quota_holder')
    .execute();
  return rows.map((row) => row.quota_holder);
}

/**
 * People who own the whole organization for good, by a role of their own, and to whom nothing denies anywhere to say who else may: at least
 * one stays, and can undo what denies the rest. @param but a subject that is not counted
 */
export async function countOwners(tx: Transaction<TenantTables>, orgId: string, but = ''): Promise<number> {
  const { rows } = await sql<{ count: string }>`
    select count(*) from tenant.role_binding o
    where o.org_id = ${orgId} and o.scope_id = o.org_id and o.role = ${Role.OWNER} and o.slot = 'standing' and o.subject like 'user:%' and o.subject <> ${but}
      and not exists (
        select from tenant.role_binding d left join tenant.role r on r.org_id = d.org_id and r.id = d.role_id
        where d.org_id = o.org_id and d.effect = ${Effect.DENY}
          and (d.role in (${Role.ADMIN}, ${Role.OWNER}) or r.permissions && array['member.set', 'member.delete'])
          and (d.subject = o.subject or d.subject in (
            select 'group:' || g.group_id from tenant.group_member g where g.org_id = o.org_id and g.subject = o.subject)))`.execute(
    tx,
  );
  return Number(rows[0]?.count);
}
