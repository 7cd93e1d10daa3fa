import type { Transaction } from '@truffle/database';
import { sql } from 'kysely';
import type { Tables } from '../cluster/cluster.table.ts';

type Tx = Transaction<Tables>;

/**
 * Leases a VMID out of `first`..`last` for each of `serverIds` that has none: the lowest that were never leased, then those that were released
 * longest ago; none that an orphan stands on. Answers how many could not be leased.
 */
export async function leaseVmids(
  tx: Tx,
  agentId: string,
  range: { readonly first: number; readonly last: number },
  serverIds: readonly string[],
): Promise<number> {
  await lockNumbers(tx, agentId);
  await sql`
    with wanting as (
      select id, row_number() over (order by id) as k from orchestration.server s
      where id = any(${[...serverIds]}) and not exists (select 1 from orchestration.vmid_lease l where l.server_id = s.id)),
    free as (
      select v, row_number() over (order by l.released_at nulls first, v) as k
      from generate_series(${range.first}::int, ${range.last}::int) v
      left join orchestration.vmid_lease l on l.agent_id = ${agentId} and l.vmid = v
      where l.vmid is null or (l.released_at is not null and l.orphan_seen_at is null)
      order by l.released_at nulls first, v limit ${serverIds.length})
    insert into orchestration.vmid_lease (org_id, agent_id, vmid, server_id)
    select s.org_id, ${agentId}, free.v, s.id from wanting join free using (k) join orchestration.server s on s.id = wanting.id
    on conflict (org_id, agent_id, vmid) do update set server_id = excluded.server_id, released_at = null`.execute(tx);
  await sql`
    update orchestration.server s set vmid = l.vmid, revision = s.revision + 1
    from orchestration.vmid_lease l where l.server_id = s.id and s.id = any(${[...serverIds]}) and s.vmid is distinct from l.vmid`.execute(
    tx,
  );
  const { rows } = await sql<{ missing: number }>`
    select count(*)::int as missing from orchestration.server where id = any(${[...serverIds]}) and vmid is null`.execute(
    tx,
  );
  return rows[0]?.missing ?? 0;
}

/** The number of an image's template; the same one whenever it is asked for. Undefined when none is free. */
export async function leaseImageVmid(
  tx: Tx,
  orgId: string,
  agentId: string,
  range: { readonly first: number; readonly last: number },
  image: string,
): Promise<number | undefined> {
  await lockNumbers(tx, agentId);
  await sql`
    insert into orchestration.vmid_lease (org_id, agent_id, vmid, image)
    select ${orgId}, ${agentId}, v, ${image} from generate_series(${range.first}::int, ${range.last}::int) v
      left join orchestration.vmid_lease l on l.agent_id = ${agentId} and l.vmid = v
      where (l.vmid is null or (l.released_at is not null and l.orphan_seen_at is null))
        and not exists (select 1 from orchestration.vmid_lease i where i.agent_id = ${agentId} and i.image = ${image})
      order by l.released_at nulls first, v limit 1
    on conflict (org_id, agent_id, vmid) do update set server_id = null, image = excluded.image, released_at = null`.execute(
    tx,
  );
  const row = await tx
    .selectFrom('orchestration.vmid_lease')
    .select('vmid')
    .where('agent_id', '=', agentId)
    .where('image', '=', image)
    .executeTakeFirst();
  return row?.vmid;
}

/** One reservation per agent at a time: two must not be given the same numbers. */
const lockNumbers = (tx: Tx, agentId: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${`vmid/${agentId}`}, 0))`.execute(tx);

/** Lets go of the numbers of servers that the site confirmed to be gone; the leases stay as what was. */
export async function releaseVmids(tx: Tx, serverIds: readonly string[]): Promise<void> {
  await sql`update orchestration.vmid_lease set released_at = now() where server_id = any(${[...serverIds]}) and released_at is null`.execute(
    tx,
  );
}

/** Numbers of the range that can't be leased now, and how many of them are for servers. */
export async function countLeases(
  tx: Tx,
  agentId: string,
  range: { readonly first: number; readonly last: number },
): Promise<{ readonly taken: number; readonly servers: number }> {
  return tx
    .selectFrom('orchestration.vmid_lease')
    .select([sql<number>`count(*)::int`.as('taken'), sql<number>`count(server_id)::int`.as('servers')])
    .where('agent_id', '=', agentId)
    .where('vmid', '>=', range.first)
    .where('vmid', '<=', range.last)
    .where((where) => where.or([where('released_at', 'is', null), where('orphan_seen_at', 'is not', null)]))
    .executeTakeFirstOrThrow();
}
