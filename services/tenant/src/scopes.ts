import { CommandService } from '@truffle/api/agent/v1/command_service';
import { ProjectUseService } from '@truffle/api/orchestration/v1/project_use_service';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Database, Transaction } from '@truffle/database';
import { onBehalfOf, type Peers, type ScopeLookups, type ScopeOf } from '@truffle/kit';
import { findKey } from './api-key/api-key.repo.ts';
import { findStream } from './audit-stream/audit-stream.repo.ts';
import { findBinding } from './binding/binding.repo.ts';
import { findConnection } from './connection/connection.repo.ts';
import { findGroup } from './group/group.repo.ts';
import { findInvitation } from './invitation/invitation.repo.ts';
import { findRole } from './role/role.repo.ts';
import { findServiceAccount } from './service-account/service-account.repo.ts';
import type { TenantTables } from './tables.ts';
import { findTrust } from './trust/trust.repo.ts';

type Row = { readonly project_id?: string | null | undefined } | undefined;

/**
 * Where things are, for the permission check. Workspaces and projects are resolved by the kit through `ResolveScopes`; what is left are the
 * rows that hang on a place, and what other services have: roles are bound at those, and asked about.
 */
export function tenantScopes(tenants: Database<TenantTables>, peers: Peers): ScopeLookups {
  const rowOf =
    (find: (tx: Transaction<TenantTables>, id: string) => Promise<Row>): ScopeOf =>
    async (orgId, id) => {
      const row = await tenants.tenant(orgId, (tx) => find(tx, id));
      return row === undefined ? undefined : { projectId: row.project_id ?? undefined };
    };
  const orchestrated: ScopeOf = async (_orgId, resourceId, caller) => {
    const { projectId, clusterId } = await peers
      .client('orchestration', ProjectUseService, onBehalfOf(caller))
      .findPlace({ resourceId });
    return projectId === '' ? undefined : { projectId, within: clusterId === '' ? [] : [clusterId] };
  };
  const agent: ScopeOf = async (_orgId, agentId, caller) => {
    try {
      await peers.client('agent-gateway', CommandService, onBehalfOf(caller)).getSite({ agentId });
      return {};
    } catch (error) {
      if (ConnectError.from(error).code === Code.NotFound) return undefined;
      throw error;
    }
  };
  return {
    bnd: rowOf(findBinding),
    inv: rowOf(findInvitation),
    ast: rowOf(async (tx, id) => (await findStream(tx, id)) && {}),
    key: rowOf(findKey),
    con: rowOf(async (tx, id) => (await findConnection(tx, id)) && {}),
    tru: rowOf(findTrust),
    rol: rowOf(async (tx, id) => (await findRole(tx, id)) && {}),
    grp: rowOf(async (tx, id) => (await findGroup(tx, id)) && {}),
    sva: rowOf(async (tx, id) => (await findServiceAccount(tx, id)) && {}),
    clu: orchestrated,
    srv: orchestrated,
    op: orchestrated,
    agt: agent,
  };
}
