import { create } from '@bufbuild/protobuf';
import { CommandService } from '@truffle/api/agent/v1/command_service';
import { LogLineSchema, type LogLine } from '@truffle/api/orchestration/v1/operation';
import { bells, NotFoundProblem, onBehalfOf, type Caller } from '@truffle/kit';
import { serversOf } from '../server/server.repo.ts';
import { findOperation } from './operation.repo.ts';
import { rings, type WatchDeps } from './operation.watch.ts';

const batch = 500;
const aliveEvery = 15_000;

/** Lines of an operation's log after a cursor, oldest first, and the cursor to go on from. */
export async function readLogs(
  deps: WatchDeps,
  caller: Caller,
  operationId: string,
  after: string,
  limit = batch,
): Promise<{ lines: LogLine[]; next: string }> {
  const servers = await deps.database.tenant(caller.orgId, async (tx) => {
    const operation = await findOperation(tx, operationId);
    if (operation === undefined) throw new NotFoundProblem('operation', operationId);
    return serversOf(tx, operation.cluster_id);
  });
  const names = new Map(servers.map((s) => [s.id, s.name]));
  const found = await deps.peers
    .client('agent-gateway', CommandService, onBehalfOf(caller))
    .listCommandLogs({ operationId, after, limit });
  const lines = found.lines.map((line) =>
    create(LogLineSchema, {
      cursor: line.cursor,
      ...(line.time === undefined ? {} : { time: line.time }),
      serverId: line.serverId,
      serverName: names.get(line.serverId) ?? '',
      stepKey: line.stepKey,
      stream: line.stream,
      text: line.text,
    }),
  );
  return { lines, next: found.next || after };
}

/** Batches of lines as they are written, until the operation has ended and everything was sent; empty as a sign of life. */
export async function* watchLogs(
  deps: WatchDeps,
  caller: Caller,
  operationId: string,
  after: string,
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  let cursor = after;
  let alive = Date.now();
  for await (const _ of rings(deps.bell, bells.operation(operationId), signal)) {
    // Asked before the lines are read: what it wrote before its end is then in what is read after.
    const ended = await hasEnded(deps, caller, operationId);
    for (;;) {
      const { lines, next } = await readLogs(deps, caller, operationId, cursor);
      if (lines.length === 0) break;
      cursor = next;
      alive = Date.now();
      yield lines;
    }
    if (ended) return;
    if (Date.now() - alive >= aliveEvery) {
      alive = Date.now();
      yield [];
    }
  }
}

async function hasEnded(deps: WatchDeps, caller: Caller, operationId: string): Promise<boolean> {
  const operation = await deps.database.tenant(caller.orgId, (tx) => findOperation(tx, operationId));
  return operation === undefined || operation.ended_at !== null;
}
