import type { Transaction } from '@truffle/database';
import { sql } from 'kysely';
import type { TenantTables } from '../tables.ts';

/** Demands a proof of a member that is newer than `at`; a later demand stays. */
export async function demandProofAfter(
  tx: Transaction<TenantTables>,
  orgId: string,
  userId: string,
  at: Date,
): Promise<void> {
  await tx
    .insertInto('tenant.member')
    .values({ org_id: orgId, user_id: userId, proof_after: at })
    .onConflict((conflict) =>
      conflict.columns(['org_id', 'user_id']).doUpdateSet({
        proof_after: sql`greatest(tenant.member.proof_after, excluded.proof_after)`,
      }),
    )
    .execute();
}

/** Organizations that demand of a person a newer proof than that of `provenAt`. For `svc_identity`. */
export async function proofDemanding(tx: Transaction<TenantTables>, userId: string, provenAt: Date): Promise<string[]> {
  const rows = await tx
    .selectFrom('tenant.member')
    .select('org_id')
    .where('user_id', '=', userId)
    .where('proof_after', '>=', provenAt)
    .execute();
  return rows.map((row) => row.org_id);
}

/** Ends a person's sessions that are for `orgId` alone; returns how many. For `svc_identity`. */
export async function endSessionsFor(
  tx: Transaction<TenantTables>,
  orgId: string,
  userId: string,
  at: Date,
): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.session')
    .set({ ended_at: at })
    .where('user_id', '=', userId)
    .where('confined_to', '=', orgId)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}
