import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import { sql, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { GroupMemberTable, GroupTable } from './group.table.ts';

export type GroupRow = Selectable<GroupTable>;
export type GroupMemberRow = Selectable<GroupMemberTable>;

export async function insertGroup(tx: Transaction<TenantTables>, row: GroupRow): Promise<void> {
  await tx.insertInto('tenant.member_group').values(row).execute();
}

export async function findGroup(tx: Transaction<TenantTables>, id: string): Promise<GroupRow | undefined> {
  return tx.selectFrom('tenant.member_group').selectAll().where('id', '=', id).executeTakeFirst();
}

/** What groups can be ordered by. Ids sort by the time of their making. */
export const groupOrdering: Ordering = {
  tie: 'id',
  by: {
    name: { sql: 'name', type: 'text', unique: true },
    created_at: { sql: 'id', type: 'text', unique: true },
  },
};

export const listGroups = (tx: Transaction<TenantTables>, page: OrderedPage): Promise<(GroupRow & OrderKey)[]> =>
  page.of(tx.selectFrom('tenant.member_group').selectAll()).execute();

export async function changeGroup(
  tx: Transaction<TenantTables>,
  id: string,
  change: Pick<GroupRow, 'name' | 'description'>,
): Promise<void> {
  await tx
    .updateTable('tenant.member_group')
    .set({ ...change, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}

/** Its members go with it. */
export async function deleteGroup(tx: Transaction<TenantTables>, id: string): Promise<void> {
  await tx.deleteFrom('tenant.member_group').where('id', '=', id).execute();
}

/** What a group's members can be ordered by. */
export const groupMemberOrdering: Ordering = {
  tie: 'subject',
  by: {
    subject: { sql: 'subject', type: 'text', unique: true },
    added_at: { sql: 'added_at', type: 'timestamptz' },
  },
};

export const listGroupMembers = (
  tx: Transaction<TenantTables>,
  groupId: string,
  page: OrderedPage,
): Promise<(GroupMemberRow & OrderKey)[]> =>
  page.of(tx.selectFrom('tenant.group_member').selectAll().where('group_id', '=', groupId)).execute();

/** The groups that one of `subjects` is in, by name. */
export async function groupsOf(
  tx: Transaction<TenantTables>,
  subjects: readonly string[],
): Promise<{ readonly subject: string; readonly group_id: string; readonly name: string }[]> {
  return tx
    .selectFrom('tenant.group_member as m')
    .innerJoin('tenant.member_group as g', (join) =>
      join.onRef('g.org_id', '=', 'm.org_id').onRef('g.id', '=', 'm.group_id'),
    )
    .select(['m.subject', 'm.group_id', 'g.name'])
    .where((eb) => eb('m.subject', '=', eb.fn.any(eb.val([...subjects]))))
    .orderBy('g.name')
    .execute();
}

/** Puts a subject into a group; false when it is in it. */
export async function insertGroupMember(tx: Transaction<TenantTables>, row: GroupMemberRow): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await tx
    .insertInto('tenant.group_member')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
}

/** False when it was not in it. */
export async function deleteGroupMember(
  tx: Transaction<TenantTables>,
  groupId: string,
  subject: string,
): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('tenant.group_member')
    .where('group_id', '=', groupId)
    .where('subject', '=', subject)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Takes a subject out of every group of the organization; returns their ids. */
export async function removeFromGroups(tx: Transaction<TenantTables>, subject: string): Promise<string[]> {
  const rows = await tx
    .deleteFrom('tenant.group_member')
    .where('subject', '=', subject)
    .returning('group_id')
    .execute();
  return rows.map((row) => row.group_id);
}
