import type { Transaction } from '@truffle/database';
import type { Tables } from '../cluster/cluster.table.ts';

/**
 * Forgets the name of who began operations, in some of them: everywhere, or in one organization. Their id stays. How many it were.
 * For `svc_orchestration_sweep`.
 */
export async function eraseNames(
  tx: Transaction<Tables>,
  subject: string,
  orgId: string,
  limit: number,
): Promise<number> {
  let some = tx
    .selectFrom('orchestration.operation')
    .select('id')
    .where('initiator', '=', subject)
    .where('initiator_name', 'is not', null)
    .limit(limit);
  if (orgId !== '') some = some.where('org_id', '=', orgId);
  const { numUpdatedRows } = await tx
    .updateTable('orchestration.operation')
    .set({ initiator_name: null })
    .where('id', 'in', some)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}
