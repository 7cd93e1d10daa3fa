import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { TenantTables } from '../tables.ts';
import type { DomainTable } from './connection.table.ts';

export type DomainRow = Selectable<DomainTable>;

/** Adds a domain unless it is there; whether it did. */
export async function insertDomain(tx: Transaction<TenantTables>, row: Insertable<DomainTable>): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await tx
    .insertInto('tenant.domain')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
}

/** In the transaction's organization. */
export async function findDomain(
  tx: Transaction<TenantTables>,
  connectionId: string,
  domain: string,
): Promise<DomainRow | undefined> {
  return tx
    .selectFrom('tenant.domain')
    .selectAll()
    .where('domain', '=', domain)
    .where('connection_id', '=', connectionId)
    .executeTakeFirst();
}

/** The proven owner of a domain, in all organizations that are there. For `svc_identity`. */
export async function findVerifiedDomain(
  tx: Transaction<TenantTables>,
  domain: string,
): Promise<DomainRow | undefined> {
  return tx
    .selectFrom('tenant.domain')
    .innerJoin('tenant.organization', 'tenant.organization.org_id', 'tenant.domain.org_id')
    .selectAll('tenant.domain')
    .where('domain', '=', domain)
    .where('verified_at', 'is not', null)
    .where('tenant.organization.deleted_at', 'is', null)
    .executeTakeFirst();
}

/**
 * The organization that demands of a person to come by its provider, since their address is in its proven domain and the provider is open;
 * undefined for none. For `svc_identity`.
 */
export async function findProviderDemanding(
  tx: Transaction<TenantTables>,
  userId: string,
): Promise<string | undefined> {
  const row = await tx
    .selectFrom('tenant.user as u')
    .innerJoin('tenant.domain as d', (join) =>
      join.on('d.domain', '=', sql<string>`substring(u.email from '@([^@]+)$')`),
    )
    .innerJoin('tenant.connection as c', (join) =>
      join.onRef('c.org_id', '=', 'd.org_id').onRef('c.id', '=', 'd.connection_id'),
    )
    .innerJoin('tenant.organization as o', 'o.org_id', 'd.org_id')
    .select('d.org_id')
    .where('u.id', '=', userId)
    .where('d.verified_at', 'is not', null)
    .where('d.required', '=', true)
    .where('c.enabled', '=', true)
    .where('o.deleted_at', 'is', null)
    .executeTakeFirst();
  return row?.org_id;
}

export async function setDomain(
  tx: Transaction<TenantTables>,
  domain: string,
  set: { readonly verified_at?: Date; readonly required?: boolean },
): Promise<DomainRow> {
  return tx.updateTable('tenant.domain').set(set).where('domain', '=', domain).returningAll().executeTakeFirstOrThrow();
}

export async function deleteDomain(tx: Transaction<TenantTables>, domain: string): Promise<void> {
  await tx.deleteFrom('tenant.domain').where('domain', '=', domain).execute();
}

/** What domains can be ordered by; what is not proven comes last. */
export const domainOrdering: Ordering = {
  tie: 'domain',
  by: {
    domain: { sql: 'domain', type: 'text', unique: true },
    verified_at: { sql: `coalesce(verified_at, 'infinity'::timestamptz)`, type: 'timestamptz' },
  },
};

export const listDomains = (tx: Transaction<TenantTables>, page: OrderedPage): Promise<(DomainRow & OrderKey)[]> =>
  page.of(tx.selectFrom('tenant.domain').selectAll()).execute();

export async function countDomains(tx: Transaction<TenantTables>): Promise<number> {
  const { count } = await tx
    .selectFrom('tenant.domain')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}
