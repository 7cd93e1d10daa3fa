import type { Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { StoredFailure, Tables } from '../cluster/cluster.table.ts';
import type { ImageImportTable } from './image.table.ts';

export type ImportRow = Selectable<ImageImportTable>;
type Tx = Transaction<Tables>;

export const findImport = (tx: Tx, agentId: string, image: string): Promise<ImportRow | undefined> =>
  tx
    .selectFrom('orchestration.image_import')
    .selectAll()
    .where('agent_id', '=', agentId)
    .where('image', '=', image)
    .executeTakeFirst();

/** Imports of all tenants that began long enough ago for their workflow to be there, a page in the order of their commands. */
export const findOpenImports = (
  tx: Tx,
  idleSeconds: number,
  after: string,
  limit: number,
): Promise<Pick<ImportRow, 'org_id' | 'agent_id' | 'image' | 'command_id'>[]> =>
  tx
    .selectFrom('orchestration.image_import')
    .select(['org_id', 'agent_id', 'image', 'command_id'])
    .where('state', '=', 'RUNNING')
    .where('created_at', '<', sql<Date>`now() - make_interval(secs => ${idleSeconds})`)
    .where('command_id', '>', after)
    .orderBy('command_id')
    .limit(limit)
    .execute();

/** Locks the row, so that one call at a time decides about the import. */
export const lockImport = (tx: Tx, agentId: string, image: string): Promise<ImportRow | undefined> =>
  tx
    .selectFrom('orchestration.image_import')
    .selectAll()
    .where('agent_id', '=', agentId)
    .where('image', '=', image)
    .forUpdate()
    .executeTakeFirst();

/** Stores an import in the place of the one before of the same image. */
export async function storeImport(tx: Tx, row: Insertable<ImageImportTable>): Promise<ImportRow> {
  const { org_id: _, agent_id: __, image: ___, ...rest } = row;
  return tx
    .insertInto('orchestration.image_import')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['org_id', 'agent_id', 'image'])
        .doUpdateSet({ ...rest, failure: null, created_at: sql<Date>`now()`, ended_at: null }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function endImport(
  tx: Tx,
  { agent_id, image }: ImportRow,
  end: { readonly diskBytes: number } | { readonly failure: StoredFailure },
): Promise<ImportRow> {
  const change =
    'failure' in end
      ? { state: 'FAILED' as const, failure: JSON.stringify(end.failure) }
      : { state: 'SUCCEEDED' as const, disk_bytes: end.diskBytes };
  return tx
    .updateTable('orchestration.image_import')
    .set({ ...change, ended_at: sql<Date>`now()` })
    .where('agent_id', '=', agent_id)
    .where('image', '=', image)
    .returningAll()
    .executeTakeFirstOrThrow();
}
