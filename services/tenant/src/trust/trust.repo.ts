import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import type { Insertable, Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { TrustTable, WorkloadTokenTable } from './trust.table.ts';

export type TrustRow = Selectable<TrustTable>;
export type WorkloadTokenRow = Selectable<WorkloadTokenTable>;

export async function insertTrust(tx: Transaction<TenantTables>, row: Insertable<TrustTable>): Promise<void> {
  await tx.insertInto('tenant.trust').values(row).execute();
}

export async function findTrust(tx: Transaction<TenantTables>, id: string): Promise<TrustRow | undefined> {
  return tx.selectFrom('tenant.trust').selectAll().where('id', '=', id).executeTakeFirst();
}

/** A trust with the name of the service account that its workloads act as; null for a role of its own. */
export type OpenTrust = TrustRow & { readonly service_account_name: string | null };

/** Those that give tokens: of organizations that are there, of no disabled service account. */
const openTrusts = (tx: Transaction<TenantTables>) =>
  tx
    .selectFrom('tenant.trust')
    .innerJoin('tenant.organization', 'tenant.organization.org_id', 'tenant.trust.org_id')
    .leftJoin('tenant.service_account as s', (join) =>
      join.onRef('s.org_id', '=', 'tenant.trust.org_id').onRef('s.id', '=', 'tenant.trust.service_account_id'),
    )
    .selectAll('tenant.trust')
    .select('s.name as service_account_name')
    .where('tenant.trust.revoked_at', 'is', null)
    .where('tenant.organization.deleted_at', 'is', null)
    .where((eb) => eb.or([eb('tenant.trust.service_account_id', 'is', null), eb('s.disabled', '=', false)]));

/** One that gives tokens. For `svc_identity`. */
export async function findOpenTrust(tx: Transaction<TenantTables>, id: string): Promise<OpenTrust | undefined> {
  return openTrusts(tx).where('tenant.trust.id', '=', id).executeTakeFirst();
}

/** What trusts can be ordered by. Ids sort by the time of their making. */
export const trustOrdering: Ordering = {
  tie: 'id',
  by: {
    created_at: { sql: 'id', type: 'text', unique: true },
    name: { sql: 'name', type: 'text' },
    issuer: { sql: 'issuer', type: 'text' },
  },
};

export const listTrusts = (tx: Transaction<TenantTables>, page: OrderedPage): Promise<(TrustRow & OrderKey)[]> =>
  page.of(tx.selectFrom('tenant.trust').selectAll()).execute();

/** Ends a trust with its tokens; false when it had ended. */
export async function revokeTrust(tx: Transaction<TenantTables>, id: string, at: Date): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('tenant.trust')
    .set({ revoked_at: at })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  await tx
    .updateTable('tenant.workload_token')
    .set({ revoked_at: at })
    .where('trust_id', '=', id)
    .where('revoked_at', 'is', null)
    .execute();
  return numUpdatedRows > 0n;
}

export async function insertToken(tx: Transaction<TenantTables>, row: Insertable<WorkloadTokenTable>): Promise<void> {
  await tx.insertInto('tenant.workload_token').values(row).execute();
}

/** What the tokens of a trust can be ordered by. Ids sort by the time of their making. */
export const tokenOrdering: Ordering = {
  tie: 'id',
  by: {
    created_at: { sql: 'id', type: 'text', unique: true },
    subject: { sql: 'subject', type: 'text' },
    expires_at: { sql: 'expires_at', type: 'timestamptz' },
  },
};

export const listTokens = (
  tx: Transaction<TenantTables>,
  trustId: string,
  page: OrderedPage,
): Promise<(WorkloadTokenRow & OrderKey)[]> =>
  page.of(tx.selectFrom('tenant.workload_token').selectAll().where('trust_id', '=', trustId)).execute();

export async function findToken(
  tx: Transaction<TenantTables>,
  trustId: string,
  id: string,
): Promise<WorkloadTokenRow | undefined> {
  return tx
    .selectFrom('tenant.workload_token')
    .selectAll()
    .where('id', '=', id)
    .where('trust_id', '=', trustId)
    .executeTakeFirst();
}

export async function revokeToken(tx: Transaction<TenantTables>, id: string, at: Date): Promise<void> {
  await tx.updateTable('tenant.workload_token').set({ revoked_at: at }).where('id', '=', id).execute();
}

/** Deletes what ended before `ended`, in the transaction's organization: the list stays short and the audit trail has the rest. */
export async function deleteOldTokens(tx: Transaction<TenantTables>, ended: Date): Promise<void> {
  await tx.deleteFrom('tenant.workload_token').where('expires_at', '<', ended).execute();
}

/** The trust of a token that is good now. For `svc_identity`. */
export async function findByToken(
  tx: Transaction<TenantTables>,
  sha256: Buffer,
  now: Date,
): Promise<(OpenTrust & { readonly workload: string; readonly ends_at: Date }) | undefined> {
  return openTrusts(tx)
    .innerJoin('tenant.workload_token', 'tenant.workload_token.trust_id', 'tenant.trust.id')
    .select(['tenant.workload_token.subject as workload', 'tenant.workload_token.expires_at as ends_at'])
    .where('secret_sha256', '=', sha256)
    .where('tenant.workload_token.revoked_at', 'is', null)
    .where('tenant.workload_token.expires_at', '>', now)
    .executeTakeFirst();
}
