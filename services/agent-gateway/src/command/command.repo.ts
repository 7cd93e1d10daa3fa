// Long, as every statement about a command stands beside the columns that the others must agree on with it.
import { sql, type Selectable } from 'kysely';
import type { Tx } from '../tables.ts';
import type { Command, CommandEffect, CommandState } from './command.ts';
import type { CommandTable } from './command.table.ts';

/** A command as it is locked in a transaction, with what goes beside its life. */
export interface LockedCommand extends Command {
  readonly operationId: string;
  readonly workflowId: string;
  /** Another one is active on its resource. */
  readonly resourceBusy: boolean;
}

/** What a dispatched command is sent as. */
export interface CommandLoad {
  readonly id: string;
  readonly op: string;
  readonly resourceKey: string;
  readonly fence: bigint;
  readonly payload: Buffer;
  readonly payloadSha256: Buffer;
  readonly runTimeoutMs: number;
  readonly needsPermit: boolean;
  readonly traceparent: string;
  readonly agentId: string;
  readonly startBy: Date;
  readonly signature: Buffer;
  readonly keyId: string;
}

const lifeColumns = [
  'c.id',
  'c.agent_id',
  'c.resource_key',
  'c.needs_permit',
  'c.payload_sha256',
  'c.start_by',
  'c.run_timeout_ms',
  'c.operation_id',
  'c.workflow_id',
  'c.state',
  'c.permit_no',
  'c.cancel_requested',
  'c.incarnation',
  'c.started_at',
  'c.ended_at',
  'c.run_until',
  'c.effect',
  'c.failure',
  'c.output',
  'c.result_sha256',
  'c.late_result',
] as const;

const lives = (tx: Tx) =>
  tx
    .selectFrom('agent_gateway.command as c')
    .select(lifeColumns)
    .select(
      sql<boolean>`c.needs_permit and exists (select from agent_gateway.command o where o.org_id = c.org_id and o.resource_key = c.resource_key
        and o.needs_permit and o.state in ('RUNNING', 'UNKNOWN') and o.id <> c.id)`.as('resource_busy'),
    );

/** Locks commands by id, in the order of their ids (so that two batches cannot wait for each other). */
export async function lockCommands(tx: Tx, ids: readonly string[]): Promise<LockedCommand[]> {
  const rows = await lives(tx)
    .where('c.id', '=', sql<string>`any(${ids}::text[])`)
    .orderBy('c.id')
    .forUpdate('c')
    .execute();
  return rows.map(lockedOf);
}

/** Locks an agent's commands that have not ended. */
export async function lockOpenCommands(
  tx: Tx,
  agentId: string,
  also: readonly string[] = [],
): Promise<LockedCommand[]> {
  const rows = await lives(tx)
    .where('c.agent_id', '=', agentId)
    .where(
      sql<boolean>`(c.state in ('QUEUED', 'DISPATCHED', 'ACCEPTED', 'RUNNING', 'UNKNOWN') or c.id = any(${also}::text[]))`,
    )
    .orderBy('c.id')
    .forUpdate('c')
    .execute();
  return rows.map(lockedOf);
}

/** Locks an agent's oldest queued commands that nobody else has locked, with what they are sent as. */
export async function lockQueued(
  tx: Tx,
  agentId: string,
  limit: number,
): Promise<{ readonly command: LockedCommand; readonly load: CommandLoad }[]> {
  const rows = await lives(tx)
    .select(['c.op', 'c.fence', 'c.payload', 'c.traceparent', 'c.signature', 'c.key_id'])
    .where('c.agent_id', '=', agentId)
    .where(sql<boolean>`c.state = 'QUEUED'`)
    .orderBy('c.n')
    .limit(limit)
    .forUpdate('c')
    .skipLocked()
    .execute();
  return rows.map((row) => ({ command: lockedOf(row), load: loadOf(row) }));
}

type LifeRow = Awaited<ReturnType<ReturnType<typeof lives>['execute']>>[number];

const lockedOf = (row: LifeRow): LockedCommand => ({
  id: row.id,
  agentId: row.agent_id,
  resourceKey: row.resource_key,
  needsPermit: row.needs_permit,
  payloadSha256: row.payload_sha256.toString('hex'),
  startBy: row.start_by.getTime(),
  runTimeoutMs: Number(row.run_timeout_ms),
  operationId: row.operation_id,
  workflowId: row.workflow_id,
  resourceBusy: row.resource_busy,
  state: row.state,
  permitNo: row.permit_no,
  cancelRequested: row.cancel_requested,
  incarnation: row.incarnation,
  startedAt: row.started_at?.getTime() ?? null,
  endedAt: row.ended_at?.getTime() ?? null,
  runUntil: row.run_until?.getTime() ?? null,
  effect: row.effect,
  failure: row.failure,
  output: row.output,
  resultSha256: row.result_sha256?.toString('hex') ?? null,
  lateResult: row.late_result,
});

/** Stores the lives of locked commands, in one statement. */
export async function saveCommands(tx: Tx, commands: readonly Command[]): Promise<void> {
  if (commands.length === 0) return;
  const column = <V>(of: (command: Command) => V): V[] => commands.map(of);
  const date = (at: number | null): Date | null => (at === null ? null : new Date(at));
  const bytes = (given: Uint8Array | null): Buffer | null => (given === null ? null : Buffer.from(given));
  await sql`
    update agent_gateway.command c set
      state = v.state, permit_no = v.permit_no, cancel_requested = v.cancel_requested, incarnation = v.incarnation,
      started_at = v.started_at, ended_at = v.ended_at, run_until = v.run_until,
      effect = v.effect, failure = v.failure, output = v.output, result_sha256 = v.result_sha256, late_result = v.late_result
    from unnest(
      ${column((c) => c.id)}::text[], ${column((c) => c.state)}::text[], ${column((c) => c.permitNo)}::int[], ${column((c) => c.cancelRequested)}::bool[],
      ${column((c) => c.incarnation)}::text[], ${column((c) => date(c.startedAt))}::timestamptz[], ${column((c) => date(c.endedAt))}::timestamptz[],
      ${column((c) => date(c.runUntil))}::timestamptz[], ${column((c) => c.effect)}::text[], ${column((c) => bytes(c.failure))}::bytea[],
      ${column((c) => bytes(c.output))}::bytea[], ${column((c) => (c.resultSha256 === null ? null : Buffer.from(c.resultSha256, 'hex')))}::bytea[],
      ${column((c) => bytes(c.lateResult))}::bytea[]
    ) as v(id, state, permit_no, cancel_requested, incarnation, started_at, ended_at, run_until, effect, failure, output, result_sha256, late_result)
    where c.id = v.id`.execute(tx);
}

/** What commands are sent as, in the order of arrival. */
export async function readLoads(tx: Tx, ids: readonly string[]): Promise<CommandLoad[]> {
  if (ids.length === 0) return [];
  const rows = await tx
    .selectFrom('agent_gateway.command')
    .select([
      'id',
      'op',
      'resource_key',
      'fence',
      'payload',
      'payload_sha256',
      'run_timeout_ms',
      'needs_permit',
      'traceparent',
      'agent_id',
      'start_by',
      'signature',
      'key_id',
    ])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .orderBy('n')
    .execute();
  return rows.map(loadOf);
}

type LoadRow = Pick<
  Selectable<CommandTable>,
  | 'id'
  | 'op'
  | 'resource_key'
  | 'fence'
  | 'payload'
  | 'payload_sha256'
  | 'run_timeout_ms'
  | 'needs_permit'
  | 'traceparent'
  | 'agent_id'
  | 'start_by'
  | 'signature'
  | 'key_id'
>;

const loadOf = (row: LoadRow): CommandLoad => ({
  id: row.id,
  op: row.op,
  resourceKey: row.resource_key,
  fence: BigInt(row.fence),
  payload: row.payload,
  payloadSha256: row.payload_sha256,
  runTimeoutMs: Number(row.run_timeout_ms),
  needsPermit: row.needs_permit,
  traceparent: row.traceparent,
  agentId: row.agent_id,
  startBy: row.start_by,
  signature: row.signature,
  keyId: row.key_id,
});

/** A command to store. */
export interface QueuedCommand {
  readonly id: string;
  readonly agentId: string;
  readonly resourceKey: string;
  readonly fence: bigint;
  readonly op: string;
  readonly payload: Buffer;
  readonly payloadSha256: Buffer;
  readonly needsPermit: boolean;
  readonly startBy: Date;
  readonly runTimeoutMs: number;
  readonly operationId: string;
  readonly workflowId: string;
  readonly serverId: string;
  readonly stepKey: string;
  readonly traceparent: string;
  /** By who gave it; empty for a command of the gateway's own. */
  readonly signature: Buffer;
  readonly keyId: string;
}

/** Stores what is not stored yet; the first write of an id stays. Answers the ids that were not there. */
export async function insertCommands(
  tx: Tx,
  orgId: string,
  commands: readonly QueuedCommand[],
): Promise<ReadonlySet<string>> {
  const column = <V>(of: (command: QueuedCommand) => V): V[] => commands.map(of);
  const { rows } = await sql<{ id: string }>`
    insert into agent_gateway.command (org_id, id, agent_id, resource_key, fence, op, payload, payload_sha256, needs_permit, start_by, run_timeout_ms,
      operation_id, workflow_id, server_id, step_key, traceparent, signature, key_id)
    select ${orgId}, v.* from unnest(
      ${column((c) => c.id)}::text[], ${column((c) => c.agentId)}::text[], ${column((c) => c.resourceKey)}::text[], ${column((c) => String(c.fence))}::bigint[],
      ${column((c) => c.op)}::text[], ${column((c) => c.payload)}::bytea[], ${column((c) => c.payloadSha256)}::bytea[], ${column((c) => c.needsPermit)}::bool[],
      ${column((c) => c.startBy)}::timestamptz[], ${column((c) => c.runTimeoutMs)}::bigint[], ${column((c) => c.operationId)}::text[],
      ${column((c) => c.workflowId)}::text[], ${column((c) => c.serverId)}::text[], ${column((c) => c.stepKey)}::text[], ${column((c) => c.traceparent)}::text[],
      ${column((c) => c.signature)}::bytea[], ${column((c) => c.keyId)}::text[]
    ) as v(id, agent_id, resource_key, fence, op, payload, payload_sha256, needs_permit, start_by, run_timeout_ms, operation_id, workflow_id, server_id, step_key, traceparent, signature, key_id)
    on conflict (org_id, id) do nothing returning id`.execute(tx);
  return new Set(rows.map((row) => row.id));
}

/** A command as a caller sees it. */
export interface CommandRow {
  readonly id: string;
  readonly agent_id: string;
  readonly payload_sha256: Buffer;
  readonly state: CommandState;
  readonly detail: string;
  readonly failure: Buffer | null;
  readonly output: Buffer | null;
  readonly effect: CommandEffect;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly server_id: string;
  readonly step_key: string;
  readonly start_by: Date;
}

/** A command that was stored just now. */
export const queuedRow = (command: QueuedCommand): CommandRow => ({
  id: command.id,
  agent_id: command.agentId,
  payload_sha256: command.payloadSha256,
  state: 'QUEUED',
  detail: '',
  failure: null,
  output: null,
  effect: 'UNSPECIFIED',
  started_at: null,
  ended_at: null,
  server_id: command.serverId,
  step_key: command.stepKey,
  start_by: command.startBy,
});

export const readCommands = (tx: Tx, ids: readonly string[]): Promise<CommandRow[]> =>
  tx
    .selectFrom('agent_gateway.command')
    .select([
      'id',
      'agent_id',
      'payload_sha256',
      'state',
      'detail',
      'failure',
      'output',
      'effect',
      'started_at',
      'ended_at',
      'server_id',
      'step_key',
      'start_by',
    ])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute();
