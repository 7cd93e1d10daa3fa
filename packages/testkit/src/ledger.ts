import type { TestDatabase } from './database.ts';
import { until } from './until.ts';

/** Waits until every event that an organization has by now is in its order: before that it is not listed. */
export async function eventsOrdered(database: Pick<TestDatabase, 'admin'>, orgId: string): Promise<void> {
  await until('every event to be in its order', async () => {
    const { rows } = await database.admin.query('select 1 from ledger.event where org_id = $1 and hash is null', [
      orgId,
    ]);
    return rows.length === 0;
  });
}
