import { create } from '@bufbuild/protobuf';
import { durationMs, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { CommandPayload } from '@truffle/api/agent/v1/command';
import {
  CancelCommandsResponseSchema,
  EnqueueCommandsResponseSchema,
  GetCommandsResponseSchema,
  GetSiteResponseSchema,
  ListCommandLogsResponseSchema,
  type CommandService,
  type NewCommand,
} from '@truffle/api/agent/v1/command_service';
import { callerOf, InvalidProblem } from '@truffle/kit';
import { agentOf } from '../agent/agent.codec.ts';
import { getAgent, type AgentParts } from '../agent/agent.usecases.ts';
import { statusOf } from './command.codec.ts';
import type { QueuedCommand } from './command.repo.ts';
import {
  cancelCommands,
  cursorOf,
  enqueueCommands,
  getCommands,
  listCommandLogs,
  readCommand,
} from './command.usecases.ts';

/** Commands, for services: every query is made under the organization that the service says it acts in. */
export const commandRpc = (parts: AgentParts): ServiceImpl<typeof CommandService> => ({
  enqueueCommands: async (request, context) => {
    const caller = callerOf(context);
    const commands = request.commands.map((command, i) =>
      newCommandOf(command, caller.orgId, caller.traceparent, `commands[${i}]`),
    );
    if (new Set(commands.map((c) => c.id)).size < commands.length)
      throw new InvalidProblem([{ field: 'commands', description: 'names one command twice' }]);
    return create(EnqueueCommandsResponseSchema, {
      commands: (await enqueueCommands(parts, caller.orgId, commands)).map(statusOf),
    });
  },
  getCommands: async (request, context) =>
    create(GetCommandsResponseSchema, {
      commands: (await getCommands(parts, callerOf(context).orgId, request.commandIds)).map(statusOf),
    }),
  cancelCommands: async (request, context) =>
    create(CancelCommandsResponseSchema, {
      commands: (await cancelCommands(parts, callerOf(context).orgId, request.commandIds)).map(statusOf),
    }),
  listCommandLogs: async (request, context) => {
    const { rows, next } = await listCommandLogs(parts, callerOf(context).orgId, request);
    const lines = rows.map((row) => ({
      cursor: cursorOf(row),
      time: timestampFromDate(row.time),
      serverId: row.server_id,
      stepKey: row.step_key,
      stream: row.stream,
      text: row.text,
    }));
    return create(ListCommandLogsResponseSchema, { lines, next });
  },
  getSite: async (request, context) => {
    const { row, openCommands } = await getAgent(parts, callerOf(context).orgId, request.agentId);
    return create(GetSiteResponseSchema, { agent: agentOf(row, openCommands, true) });
  },
});

const maxRunMs = 24 * 3_600_000;

function newCommandOf(command: NewCommand, orgId: string, traceparent: string, field: string): QueuedCommand {
  const { startBy, runTimeout } = command;
  if (startBy === undefined || runTimeout === undefined)
    throw new InvalidProblem([{ field, description: 'lacks a deadline' }]);
  const runTimeoutMs = durationMs(runTimeout);
  if (runTimeoutMs <= 0 || runTimeoutMs > maxRunMs)
    throw new InvalidProblem([
      { field: `${field}.run_timeout`, description: 'must be more than nothing and at most a day' },
    ]);
  const { queued, payload } = readCommand({
    ...command,
    payload: Buffer.from(command.payload),
    signature: Buffer.from(command.signature),
    startBy: timestampDate(startBy),
    runTimeoutMs: Math.ceil(runTimeoutMs),
    traceparent: command.traceparent || traceparent,
  });
  const claimed = orgIn(payload);
  // A service acts in one organization at a time; what is inside a message does not widen that.
  if (claimed !== undefined && claimed !== orgId)
    throw new InvalidProblem([
      { field: `${field}.payload`, description: 'is about another organization', reason: 'FOREIGN_ORGANIZATION' },
    ]);
  return queued;
}

/** The organization that a payload says it is about; undefined for one that is about none. */
function orgIn({ op }: CommandPayload): string | undefined {
  return op.value !== undefined && 'orgId' in op.value ? op.value.orgId : undefined;
}
