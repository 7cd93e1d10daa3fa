import type { Transaction } from '@truffle/database';
import { sql } from 'kysely';
import type { TenantTables } from '../tables.ts';

/** What ended with an organization. */
export interface Ended {
  readonly bindings: number;
  readonly keys: number;
  readonly projects: number;
}

/**
 * Ends everything of the transaction's organization that gives somebody something, and marks it deleted. Who and what it had stays readable in its
 * trail; a domain that it had proven is free for who proves it next.
 */
export async function endOrganization(tx: Transaction<TenantTables>, orgId: string, at: Date): Promise<Ended> {
  const bindings = await tx.deleteFrom('tenant.role_binding').where('org_id', '=', orgId).executeTakeFirst();
  const keys = await tx
    .updateTable('tenant.api_key')
    .set({ revoked_at: at })
    .where('org_id', '=', orgId)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  await tx
    .updateTable('tenant.invitation')
    .set({ revoked_at: at })
    .where('org_id', '=', orgId)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute();
  for (const table of ['tenant.trust', 'tenant.workload_token'] as const)
    await tx
      .updateTable(table)
      .set({ revoked_at: at })
      .where('org_id', '=', orgId)
      .where('revoked_at', 'is', null)
      .execute();
  await tx.deleteFrom('tenant.domain').where('org_id', '=', orgId).execute();
  await tx.updateTable('tenant.connection').set({ enabled: false }).where('org_id', '=', orgId).execute();
  await tx.deleteFrom('tenant.group_member').where('org_id', '=', orgId).execute();
  const gone = { deleted_at: at, revision: sql<string>`revision + 1` };
  const projects = await tx
    .updateTable('tenant.project')
    .set(gone)
    .where('org_id', '=', orgId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  await tx
    .updateTable('tenant.workspace')
    .set(gone)
    .where('org_id', '=', orgId)
    .where('deleted_at', 'is', null)
    .execute();
  await tx.updateTable('tenant.organization').set(gone).where('org_id', '=', orgId).execute();
  return {
    bindings: Number(bindings.numDeletedRows),
    keys: Number(keys.numUpdatedRows),
    projects: Number(projects.numUpdatedRows),
  };
}

/** Ends the sessions that are for `orgId` alone. For `svc_identity`. */
export async function endConfinedSessions(tx: Transaction<TenantTables>, orgId: string, at: Date): Promise<void> {
  await tx
    .updateTable('tenant.session')
    .set({ ended_at: at })
    .where('confined_to', '=', orgId)
    .where('ended_at', 'is', null)
    .execute();
}
