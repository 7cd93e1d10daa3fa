import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable, type Updateable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { AuditStreamTable } from './audit-stream.table.ts';

type Tx = Transaction<TenantTables>;

export type AuditStreamRow = Selectable<AuditStreamTable>;

export const insertStream = (tx: Tx, row: Insertable<AuditStreamTable>): Promise<AuditStreamRow> =>
  tx.insertInto('tenant.audit_stream').values(row).returningAll().executeTakeFirstOrThrow();

export const findStream = (tx: Tx, id: string): Promise<AuditStreamRow | undefined> =>
  tx.selectFrom('tenant.audit_stream').selectAll().where('id', '=', id).executeTakeFirst();

/** What streams can be ordered by. Ids sort by the time of their making. */
export const streamOrdering: Ordering = {
  tie: 'id',
  by: {
    created_at: { sql: 'id', type: 'text', unique: true },
    name: { sql: 'name', type: 'text', unique: true },
  },
};

export const listStreams = (tx: Tx, page: OrderedPage): Promise<(AuditStreamRow & OrderKey)[]> =>
  page.of(tx.selectFrom('tenant.audit_stream').selectAll()).execute();

export async function countStreams(tx: Tx): Promise<number> {
  const { count } = await tx
    .selectFrom('tenant.audit_stream')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

export const deleteStream = (tx: Tx, id: string): Promise<AuditStreamRow | undefined> =>
  tx.deleteFrom('tenant.audit_stream').where('id', '=', id).returningAll().executeTakeFirst();

export const updateStream = (
  tx: Tx,
  { org_id, id }: Pick<AuditStreamRow, 'org_id' | 'id'>,
  changes: Updateable<AuditStreamTable>,
): Promise<AuditStreamRow | undefined> =>
  tx
    .updateTable('tenant.audit_stream')
    .set(changes)
    .where('org_id', '=', org_id)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();

/** Streams whose secret an earlier release sealed, in the order of their ids after `after`. For `svc_ledger_keeper`. */
export const readOldStreams = (
  tx: Tx,
  after: string,
  limit: number,
): Promise<Pick<AuditStreamRow, 'org_id' | 'id'>[]> =>
  tx
    .selectFrom('tenant.audit_stream')
    .select(['org_id', 'id'])
    .where('old_sealed_secret', 'is not', null)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();

/** Puts a target that was sealed anew in the place of the one of an earlier release. */
export async function setStreamSecrets(
  tx: Tx,
  id: string,
  sealed: Pick<AuditStreamRow, 'address' | 'sealed_address' | 'sealed_secret'>,
): Promise<void> {
  await tx
    .updateTable('tenant.audit_stream')
    .set({ ...sealed, old_sealed_secret: null })
    .where('id', '=', id)
    .where('old_sealed_secret', 'is not', null)
    .execute();
}

/** Streams with something to send whose time has come, whoever's; those that waited longest first. For `svc_ledger_keeper`. */
export async function readDue(tx: Tx, limit: number): Promise<AuditStreamRow[]> {
  return tx
    .selectFrom('tenant.audit_stream')
    .innerJoin('ledger.head', 'ledger.head.org_id', 'tenant.audit_stream.org_id')
    .selectAll('tenant.audit_stream')
    .where('disabled_at', 'is', null)
    .where('next_try_at', '<=', sql<Date>`now()`)
    .whereRef('cursor_n', '<', 'ledger.head.n')
    .orderBy('next_try_at')
    .limit(limit)
    .execute();
}
