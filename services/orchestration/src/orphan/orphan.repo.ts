import type { Transaction } from '@truffle/database';
import { sql } from 'kysely';
import type { Tables } from '../cluster/cluster.table.ts';

type Tx = Transaction<Tables>;

/** A number that was leased for a server that is wanted no more. */
export interface SpentLease {
  readonly vmid: number;
  readonly serverId: string;
  readonly serverName: string;
}

/** What a collection goes by. */
export interface OrphanClaims {
  /** Ids of those servers of `leases` that are wanted after all: none, unless there is a fault in how leases are read. */
  readonly wanted: readonly string[];
  /** Newest first; where there are more than asked for, those released longest ago are left out. */
  readonly leases: readonly SpentLease[];
}

/**
 * Which numbers of an agent's site were whose that is wanted no more. Only a server that is DELETED is not wanted: one whose deletion is at
 * work or failed is its operation's affair. What no lease names is nobody's orphan, so it need not be told that it is wanted, however many
 * servers a site has; what leases name is looked up once more.
 */
export async function readClaims(tx: Tx, agentId: string, mostLeases: number): Promise<OrphanClaims> {
  const leases = await tx
    .selectFrom('orchestration.vmid_lease as l')
    .innerJoin('orchestration.server as s', (join) =>
      join.onRef('s.org_id', '=', 'l.org_id').onRef('s.id', '=', 'l.server_id'),
    )
    .select(['l.vmid', 's.id as serverId', 's.name as serverName'])
    .where('l.agent_id', '=', agentId)
    .where('s.state', '=', 'DELETED')
    .orderBy(sql`l.released_at desc nulls first`)
    .orderBy('l.vmid')
    .limit(mostLeases)
    .execute();
  const named = leases.map(({ serverId }) => serverId);
  const servers = await tx
    .selectFrom('orchestration.server')
    .select('id')
    .where((eb) => eb('id', '=', eb.fn.any(eb.val(named))))
    .where('state', '<>', 'DELETED')
    .orderBy('id')
    .execute();
  return { wanted: servers.map((row) => row.id), leases };
}

/** Notes which of the numbers that were asked about orphans stand on; a number that was leased anew since is left as it is. */
export async function noteOrphans(
  tx: Tx,
  agentId: string,
  asked: readonly SpentLease[],
  standing: readonly number[],
): Promise<void> {
  const rows = JSON.stringify(asked.map(({ vmid, serverId }) => ({ vmid, id: serverId, on: standing.includes(vmid) })));
  await sql`
    update orchestration.vmid_lease l set orphan_seen_at = case when c."on" then now() end
    from jsonb_to_recordset(${rows}::jsonb) as c(vmid int, id text, "on" boolean)
    where l.agent_id = ${agentId} and l.vmid = c.vmid and l.server_id = c.id and (c."on" or l.orphan_seen_at is not null)`.execute(
    tx,
  );
}
