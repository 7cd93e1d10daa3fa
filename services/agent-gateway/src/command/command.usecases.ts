import { createHash } from 'node:crypto';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { CommandPayloadSchema, type CommandPayload } from '@truffle/api/agent/v1/command';
import { InvalidProblem, NotFoundProblem, PreconditionProblem, Problem, type Bell } from '@truffle/kit';
import { readAgentBriefs, type AgentBrief } from '../agent/agent.repo.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { leaseNow } from '../session/session.repo.ts';
import type { GatewayDatabase } from '../tables.ts';
import { advance } from './advance.ts';
import { cancelledFailure } from './command.codec.ts';
import {
  insertCommands,
  lockCommands,
  queuedRow,
  readCommands,
  saveCommands,
  type CommandRow,
  type QueuedCommand,
} from './command.repo.ts';
import { isTerminal } from './command.ts';
import { readLogs, type LogCursor, type LogRow } from './command-log.repo.ts';
import { tellOf } from './flow.ts';

export interface CommandParts {
  readonly database: GatewayDatabase;
  readonly gateway: Gateway;
  readonly bell: Bell;
}

/** A frame holds it all, with room for its other fields. */
const maxPayloadBytes = 240 * 1024;
/** Kinds without effect, which need no permit. */
const harmless: ReadonlySet<string> = new Set(['ping', 'revealOutputs']);

type Wanted = Pick<
  QueuedCommand,
  'id' | 'agentId' | 'resourceKey' | 'fence' | 'startBy' | 'runTimeoutMs' | 'traceparent'
> &
  Partial<Pick<QueuedCommand, 'operationId' | 'workflowId' | 'serverId' | 'stepKey' | 'signature' | 'keyId'>>;

/**
 * A command as another service gave it, ready to be stored: payload and signature stay the bytes that they are.
 * @throws InvalidProblem
 */
export function readCommand(wanted: Wanted & Pick<QueuedCommand, 'payload' | 'needsPermit'>): {
  readonly queued: QueuedCommand;
  readonly payload: CommandPayload;
} {
  const { payload: bytes, needsPermit } = wanted;
  if (bytes.length > maxPayloadBytes)
    throw new InvalidProblem([
      { field: 'payload', description: `is larger than ${maxPayloadBytes} bytes`, reason: 'PAYLOAD_TOO_LARGE' },
    ]);
  const payload = payloadIn(bytes);
  const op = payload?.op.case;
  if (payload === undefined || op === undefined)
    throw new InvalidProblem([{ field: 'payload', description: 'names no kind of command' }]);
  if (!needsPermit && !harmless.has(op))
    throw new InvalidProblem([{ field: 'needs_permit', description: `must be set: ${op} takes effect` }]);
  const queued = {
    operationId: '',
    workflowId: '',
    serverId: '',
    stepKey: '',
    signature: Buffer.alloc(0),
    keyId: '',
    ...wanted,
    op,
    payloadSha256: createHash('sha256').update(bytes).digest(),
  };
  return { queued, payload };
}

/** The same for a command of the gateway's own, which no one signs. @throws InvalidProblem */
export const queuedOf = ({ payload, ...wanted }: Wanted & { readonly payload: CommandPayload }): QueuedCommand =>
  readCommand({
    ...wanted,
    payload: Buffer.from(toBinary(CommandPayloadSchema, payload)),
    needsPermit: !harmless.has(payload.op.case ?? ''),
  }).queued;

function payloadIn(bytes: Uint8Array): CommandPayload | undefined {
  try {
    return fromBinary(CommandPayloadSchema, bytes);
  } catch {
    return undefined;
  }
}

/**
 * Stores commands and rings for their agents; what is stored already stays as it is. `admit` may refuse an agent.
 * @throws NotFoundProblem, PreconditionProblem, PayloadMismatchProblem
 */
export async function enqueueCommands(
  parts: CommandParts,
  orgId: string,
  commands: readonly QueuedCommand[],
  admit: (agent: AgentBrief) => void = () => undefined,
): Promise<CommandRow[]> {
  const rows = await parts.database.tenant(orgId, async (tx) => {
    const agentIds = [...new Set(commands.map((c) => c.agentId))];
    // Sent together: a refusal below undoes the insert.
    const [found, insertion] = [readAgentBriefs(tx, agentIds), insertCommands(tx, orgId, commands)];
    insertion.catch(() => undefined);
    const agents = new Map((await found).map((agent) => [agent.id, agent]));
    for (const id of agentIds) {
      const agent = agents.get(id);
      if (agent === undefined) throw new NotFoundProblem('agent', id);
      admit(agent);
    }
    const fresh = await insertion;
    for (const command of commands) if (fresh.has(command.id)) checkAgent(agents.get(command.agentId), command);
    const stored = commands.filter((c) => !fresh.has(c.id)).map((c) => c.id);
    const known = new Map((stored.length === 0 ? [] : await readCommands(tx, stored)).map((row) => [row.id, row]));
    return commands.map((command) => sameCommand(command, known.get(command.id) ?? queuedRow(command)));
  });
  parts.gateway.wake(rows.filter((row) => !isTerminal(row.state)).map((row) => row.agent_id));
  return rows;
}

function sameCommand(command: QueuedCommand, row: CommandRow): CommandRow {
  if (row.agent_id !== command.agentId || !row.payload_sha256.equals(command.payloadSha256))
    throw new PayloadMismatchProblem(command.id);
  return row;
}

function checkAgent(agent: AgentBrief | undefined, command: QueuedCommand): void {
  if (agent === undefined) return;
  const about = { agentId: agent.id };
  if (agent.state === 'REVOKED')
    throw new PreconditionProblem('AGENT_REVOKED', `agent ${agent.id} was revoked; enrol one anew`, about);
  if (agent.state === 'QUARANTINED')
    throw new PreconditionProblem(
      'AGENT_QUARANTINED',
      `the identity of agent ${agent.id} is in conflict; release one of its holders, or enrol it anew`,
      about,
    );
  if (agent.capabilities.length > 0 && !agent.capabilities.includes(command.op))
    throw new PreconditionProblem(
      'AGENT_UNABLE',
      `agent ${agent.id} (version ${agent.version}) does not know ${command.op}; update it`,
      { ...about, op: command.op },
    );
}

/** The id is taken by a command with another payload: a step's id must change with what it asks for. */
export class PayloadMismatchProblem extends Problem {
  override readonly name = 'PayloadMismatchProblem';
  constructor(commandId: string) {
    super(Code.AlreadyExists, 'PAYLOAD_MISMATCH', `command ${commandId} is stored with another payload`, {
      parameters: { commandId },
    });
  }
}

export const getCommands = (parts: CommandParts, orgId: string, ids: readonly string[]): Promise<CommandRow[]> =>
  parts.database.tenant(orgId, (tx) => readCommands(tx, ids));

/** Asks commands to stop: one without a permit is ended here and now. */
export async function cancelCommands(
  parts: CommandParts,
  orgId: string,
  ids: readonly string[],
): Promise<CommandRow[]> {
  const { changed, tell, rows } = await parts.database.tenant(orgId, async (tx) => {
    const locked = await lockCommands(tx, ids);
    const { now } = await leaseNow(tx, parts.gateway.id);
    const steps = locked.map((before) => {
      const step = advance(
        before,
        { kind: 'cancel', failure: cancelledFailure },
        { now, mayBegin: false, incarnation: '', resourceBusy: true },
      );
      return { before, after: { ...before, ...step.command }, words: step.words };
    });
    const moved = steps.filter(
      (s) => s.before.state !== s.after.state || s.before.cancelRequested !== s.after.cancelRequested,
    );
    await saveCommands(
      tx,
      moved.map((m) => m.after),
    );
    return {
      changed: moved,
      tell: steps.filter((s) => s.words.length > 0 && s.before.state !== 'QUEUED').map((s) => s.after),
      rows: await readCommands(tx, ids),
    };
  });
  parts.gateway.stopCommands(tell);
  tellOf(parts.bell, changed);
  return rows;
}

/** Lines of an operation after a cursor, and the cursor to go on from. @throws InvalidProblem */
export async function listCommandLogs(
  parts: CommandParts,
  orgId: string,
  wanted: { readonly operationId: string; readonly after: string; readonly limit: number },
): Promise<{ readonly rows: readonly LogRow[]; readonly next: string }> {
  const rows = await parts.database.tenant(orgId, (tx) =>
    readLogs(tx, wanted.operationId, parseCursor(wanted.after), wanted.limit),
  );
  const last = rows.at(-1);
  return { rows, next: last === undefined ? wanted.after : cursorOf(last) };
}

export const cursorOf = (row: LogCursor): string => `${row.txid}.${row.id}`;

function parseCursor(text: string): LogCursor | undefined {
  if (text === '') return undefined;
  const [, txid, id] = /^(\d{1,19})\.(\d{1,18})$/.exec(text) ?? [];
  if (txid === undefined || id === undefined)
    throw new InvalidProblem([{ field: 'after', description: 'is not a cursor that this list gave' }]);
  return { txid, id };
}
