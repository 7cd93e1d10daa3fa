import type { Transaction } from '@truffle/database';
import { sql, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { AllowlistKind, Allowlists, StoredRange } from './allowlist.ts';
import type { AllowlistTable } from './allowlist.table.ts';

export type AllowlistRow = Selectable<AllowlistTable>;

export async function findAllowlist(tx: Transaction<TenantTables>): Promise<AllowlistRow | undefined> {
  return tx.selectFrom('tenant.allowlist').selectAll().executeTakeFirst();
}

/** Stores the lists in the place of those before. */
export async function storeAllowlist(
  tx: Transaction<TenantTables>,
  orgId: string,
  lists: Allowlists,
  revision: bigint,
): Promise<AllowlistRow> {
  const row = {
    sessions: JSON.stringify(lists.sessions),
    api_keys: JSON.stringify(lists.api_keys),
    agents: JSON.stringify(lists.agents),
    revision: String(revision),
  };
  return tx
    .insertInto('tenant.allowlist')
    .values({ org_id: orgId, ...row })
    .onConflict((conflict) => conflict.column('org_id').doUpdateSet({ ...row, changed_at: sql<Date>`now()` }))
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** The ranges of a kind of those of `orgIds` that have some. For `svc_identity`. */
export async function rangesOf(
  tx: Transaction<TenantTables>,
  orgIds: readonly string[],
  kind: Exclude<AllowlistKind, 'agents'>,
): Promise<{ readonly orgId: string; readonly ranges: readonly StoredRange[] }[]> {
  const rows = await tx
    .selectFrom('tenant.allowlist')
    .select(['org_id', `${kind} as ranges`])
    .where((eb) => eb('org_id', '=', eb.fn.any(eb.val([...orgIds]))))
    .where(sql<boolean>`jsonb_array_length(${sql.ref(kind)}) > 0`)
    .execute();
  return rows.map((row) => ({ orgId: row.org_id, ranges: row.ranges }));
}

/** Agents' ranges by organization, those that changed at or after `since` only; without it, only those that are there. For `svc_identity`. */
export async function agentRanges(
  tx: Transaction<TenantTables>,
  since: Date | undefined,
  afterOrgId: string,
  limit: number,
): Promise<{ readonly rows: Pick<AllowlistRow, 'org_id' | 'agents'>[]; readonly now: Date }> {
  let query = tx.selectFrom('tenant.allowlist').select(['org_id', 'agents']).where('org_id', '>', afterOrgId);
  query =
    since === undefined
      ? query.where(sql<boolean>`jsonb_array_length(agents) > 0`)
      : query.where(sql<boolean>`changed_at >= ${since}`);
  const { rows: times } = await sql<{ now: Date }>`select now()`.execute(tx);
  return { rows: await query.orderBy('org_id').limit(limit).execute(), now: times[0]?.now ?? new Date(0) };
}
