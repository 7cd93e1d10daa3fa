import { sql } from 'kysely';
import type { Tx } from '../tables.ts';

export interface ProgressNote {
  readonly commandId: string;
  readonly agentId: string;
  readonly n: bigint;
  readonly detail: string;
}

export interface LogLine {
  readonly commandId: string;
  readonly agentId: string;
  readonly n: bigint;
  readonly stream: string;
  readonly text: string;
  readonly time: Date;
}

/** Stores what commands are doing; what is older than what is known, or of another agent's command, is left out. Answers the operations. */
export async function storeProgress(tx: Tx, notes: readonly ProgressNote[]): Promise<string[]> {
  if (notes.length === 0) return [];
  const { rows } = await sql<{ operation_id: string }>`
    with given as (
      select * from unnest(${notes.map((p) => p.commandId)}::text[], ${notes.map((p) => p.agentId)}::text[], ${notes.map((p) => String(p.n))}::bigint[],
        ${notes.map((p) => p.detail)}::text[]) as g(id, agent_id, n, detail)
    ), due as (
      select c.id, g.n, g.detail from agent_gateway.command c join given g on g.id = c.id and g.agent_id = c.agent_id
      where c.state in ('ACCEPTED', 'RUNNING') and c.progress_n < g.n order by c.id for update of c
    )
    update agent_gateway.command c set progress_n = due.n, detail = due.detail from due where c.id = due.id returning c.operation_id`.execute(
    tx,
  );
  return rows.map((row) => row.operation_id);
}

/** Stores log lines, each once; those of another agent's command, or of one without an operation, are left out. Answers the operations. */
export async function insertLogs(tx: Tx, orgId: string, lines: readonly LogLine[]): Promise<string[]> {
  if (lines.length === 0) return [];
  const column = <V>(of: (line: LogLine) => V): V[] => lines.map(of);
  const { rows } = await sql<{ operation_id: string }>`
    insert into agent_gateway.command_log (org_id, operation_id, command_id, server_id, step_key, n, stream, text, time)
    select ${orgId}, c.operation_id, c.id, c.server_id, c.step_key, g.n, g.stream, g.text, g.time
    from unnest(${column((l) => l.commandId)}::text[], ${column((l) => l.agentId)}::text[], ${column((l) => String(l.n))}::bigint[],
      ${column((l) => l.stream)}::text[], ${column((l) => l.text)}::text[], ${column((l) => l.time)}::timestamptz[])
      with ordinality as g(id, agent_id, n, stream, text, time, place)
    join agent_gateway.command c on c.id = g.id and c.agent_id = g.agent_id and c.operation_id <> ''
    order by g.place
    on conflict (org_id, command_id, n) do nothing
    returning operation_id`.execute(tx);
  return rows.map((row) => row.operation_id);
}

/** A place in an operation's log: writers' transactions first, since ids are given before they commit. */
export interface LogCursor {
  readonly txid: string;
  readonly id: string;
}

export interface LogRow {
  readonly txid: string;
  readonly id: string;
  readonly server_id: string;
  readonly step_key: string;
  readonly stream: string;
  readonly text: string;
  readonly time: Date;
}

/**
 * Lines of an operation after `after`. Reads only what transactions wrote before the oldest one that still runs, so that
 * none can commit a line behind a cursor that was given out.
 */
export async function readLogs(
  tx: Tx,
  operationId: string,
  after: LogCursor | undefined,
  limit: number,
): Promise<LogRow[]> {
  const { rows } = await sql<LogRow>`
    select l.txid::text as txid, l.id::text as id, l.server_id, l.step_key, l.stream, l.text, l.time from agent_gateway.command_log l
    where l.operation_id = ${operationId} and l.txid < pg_snapshot_xmin(pg_current_snapshot())
      and (l.txid, l.id) > (${after?.txid ?? '0'}::xid8, ${after?.id ?? '0'}::bigint)
    order by l.txid, l.id limit ${limit}`.execute(tx);
  return rows;
}
