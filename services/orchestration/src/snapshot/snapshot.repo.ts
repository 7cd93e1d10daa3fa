import type { Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { Tables } from '../cluster/cluster.table.ts';
import type { SnapshotTable } from '../server/server.table.ts';

export type SnapshotRow = Selectable<SnapshotTable>;
type Tx = Transaction<Tables>;

/** Newest first. */
export const snapshotsOf = (tx: Tx, serverId: string): Promise<SnapshotRow[]> =>
  tx
    .selectFrom('orchestration.server_snapshot')
    .selectAll()
    .where('server_id', '=', serverId)
    .orderBy('made_at', 'desc')
    .orderBy('name', 'desc')
    .execute();

export const findSnapshot = (tx: Tx, serverId: string, name: string): Promise<SnapshotRow | undefined> =>
  tx
    .selectFrom('orchestration.server_snapshot')
    .selectAll()
    .where('server_id', '=', serverId)
    .where('name', '=', name)
    .executeTakeFirst();

/** One that is stored already stays as it is. */
export async function insertSnapshot(tx: Tx, row: Insertable<SnapshotTable>): Promise<void> {
  await tx
    .insertInto('orchestration.server_snapshot')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Forgets one snapshot of a server. */
export async function deleteSnapshot(tx: Tx, serverId: string, name: string): Promise<void> {
  await tx
    .deleteFrom('orchestration.server_snapshot')
    .where('server_id', '=', serverId)
    .where('name', '=', name)
    .execute();
}

/** Forgets every snapshot of servers that are gone. */
export async function deleteSnapshots(tx: Tx, serverIds: readonly string[]): Promise<void> {
  await tx
    .deleteFrom('orchestration.server_snapshot')
    .where('server_id', 'in', [...serverIds, ''])
    .execute();
}
