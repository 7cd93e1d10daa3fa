import type { Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable, type Updateable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { AuditStreamTable } from './audit-stream.table.ts';

type Tx = Transaction<TenantTables>;

export type AuditStreamRow = Selectable<AuditStreamTable>;

export const insertStream = (tx: Tx, row: Insertable<AuditStreamTable>): Promise<AuditStreamRow> =>
  tx.insertInto('tenant.audit_stream').values(row).returningAll().executeTakeFirstOrThrow();

export const findStream = (tx: Tx, id: string): Promise<AuditStreamRow | undefined> =>
  tx.selectFrom('tenant.audit_stream').selectAll().where('id', '=', id).executeTakeFirst();

/** The tenant's streams by id, after `after`. */
export function listStreams(tx: Tx, after: string | undefined, limit: number): Promise<AuditStreamRow[]> {
  const query = tx.selectFrom('tenant.audit_stream').selectAll().orderBy('id').limit(limit);
  return (after === undefined ? query : query.where('id', '>', after)).execute();
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
