import { CommandService, type CommandStatus } from '@truffle/api/agent/v1/command_service';
import type { Transaction } from '@truffle/database';
import { bells, type About } from '@truffle/kit';
import { currentTraceparent, inSpan } from '@truffle/telemetry';
import type { Tables } from '../cluster/cluster.table.ts';
import type { NewCommand } from '../command-key/signed-command.ts';
import { raiseFences, updateServers, type ServerChange } from '../server/server.repo.ts';
import { commandIdOf, commandOf } from './operation.commands.ts';
import { decide } from './operation.decide.ts';
import { endOperation, finishCluster, reserveVmids } from './operation.outcome.ts';
import { updateOperation, updateSteps, type StepChange, type StepView } from './operation.repo.ts';
import { settled } from './operation.settle.ts';
import { aboutOf, loadWork, type Work, type WorkDeps } from './operation.work.ts';

export interface OperationRef {
  readonly orgId: string;
  readonly operationId: string;
}

/** Bytes of commands that one call to the gateway carries at most; its limit for a message is 1 MiB. */
const mostBytes = 512 * 1024;
const mostCommands = 200;

/**
 * Moves an operation on as far as it goes now: takes in how its commands stand, begins what can begin, ends it when nothing is left.
 * Safe to call at any time, twice, and from several processes: rows decide, the commands' ids are derived.
 * @returns whether the operation has ended
 */
export async function advance(deps: WorkDeps, ref: OperationRef): Promise<boolean> {
  for (;;) {
    const before = await deps.database.tenant(ref.orgId, (tx) => loadWork(tx, ref.operationId));
    if (before === undefined || before.operation.ended_at !== null) return true;
    const about = aboutOf(before.operation);
    const ended = await inSpan(
      'operation.advance',
      { traceparent: before.operation.traceparent, attributes: { 'truffle.operation': ref.operationId } },
      async () => {
        const statuses = await readStatuses(deps, about, before.steps);
        const move = await deps.database.tenant(ref.orgId, (tx) => moveOn(deps, tx, ref.operationId, statuses));
        await send(deps, about, move.enqueue);
        if (move.cancel.length > 0)
          await deps.peers
            .client('agent-gateway', CommandService, about)
            .cancelCommands({ commandIds: [...move.cancel] });
        deps.bell.ring(bells.operation(ref.operationId));
        return move.again ? undefined : move.ended;
      },
    );
    if (ended !== undefined) return ended;
  }
}

interface Move {
  readonly enqueue: readonly NewCommand[];
  readonly cancel: readonly string[];
  /** Something was done here and now: look again at once. */
  readonly again: boolean;
  readonly ended: boolean;
}

const still: Move = { enqueue: [], cancel: [], again: false, ended: false };

async function readStatuses(
  deps: WorkDeps,
  about: About,
  steps: readonly StepView[],
): Promise<Map<string, CommandStatus>> {
  const ids = steps.filter((s) => s.state === 'WAITING' || s.state === 'RUNNING').flatMap((s) => s.command_id ?? []);
  const found = new Map<string, CommandStatus>();
  for (let from = 0; from < ids.length; from += mostCommands) {
    const { commands } = await deps.peers
      .client('agent-gateway', CommandService, about)
      .getCommands({ commandIds: ids.slice(from, from + mostCommands) });
    for (const command of commands) found.set(command.id, command);
  }
  return found;
}

async function moveOn(
  deps: WorkDeps,
  tx: Transaction<Tables>,
  operationId: string,
  statuses: ReadonlyMap<string, CommandStatus>,
): Promise<Move> {
  const loaded = await loadWork(tx, operationId);
  if (loaded === undefined || loaded.operation.ended_at !== null) return { ...still, ended: true };
  const { operation } = loaded;
  if (operation.state === 'PENDING') await updateOperation(tx, operationId, { state: 'RUNNING' });
  const news = await settled(loaded, statuses);
  await updateSteps(tx, operationId, news.steps);
  await updateServers(tx, news.servers);
  const work = apply(loaded, news.steps, news.servers);
  // A command that the gateway does not know was decided on and never sent: this process, or another, died in between.
  const lost = work.steps.filter(
    (s) => s.command_id !== null && (s.state === 'WAITING' || s.state === 'RUNNING') && !statuses.has(s.command_id),
  );
  const resend = lost.map((step) => commandOf(deps.signer, work, step, currentTraceparent()));
  const decision = decide(work.steps, operation.cancel_requested);
  switch (decision.kind) {
    case 'wait':
      return {
        ...still,
        enqueue: resend,
        cancel: work.steps.filter((s) => decision.cancel.includes(s.key)).flatMap((s) => s.command_id ?? []),
      };
    case 'end':
      await updateSteps(
        tx,
        operationId,
        decision.skip.map((key) => ({ key, state: 'SKIPPED' })),
      );
      await endOperation(work, decision.state);
      return { ...still, ended: true };
    case 'begin':
      return { ...(await begin(deps, work, decision.keys)), cancel: [] };
  }
}

/** Begins steps: those of this service are done at once, the others become commands. */
async function begin(deps: WorkDeps, work: Work, keys: readonly string[]): Promise<Move> {
  const steps = work.steps.filter((s) => keys.includes(s.key));
  const own = steps.filter((s) => s.action === 'reserve' || s.action === 'finish');
  for (const step of own) {
    const failure = step.action === 'reserve' ? await reserveVmids(deps, work) : await finishCluster(deps, work);
    await updateSteps(work.tx, work.operation.id, [
      { key: step.key, state: failure === undefined ? 'SUCCEEDED' : 'FAILED', failure },
    ]);
  }
  if (own.length > 0) return { ...still, again: true };
  const fences = await raiseFences(
    work.tx,
    steps.filter((s) => s.action !== 'deploy').flatMap((s) => s.server_id ?? []),
  );
  const begun = steps.map((step) => ({
    ...step,
    fence: fences.get(step.server_id ?? '') ?? work.servers.find((s) => s.id === step.server_id)?.fence ?? null,
  }));
  await updateSteps(
    work.tx,
    work.operation.id,
    begun.map((step) => ({
      key: step.key,
      state: 'WAITING',
      commandId: commandIdOf(work.cluster.id, work.operation.id, step.key),
      fence: step.fence ?? undefined,
    })),
  );
  const atWork = {
    ensure: 'PROVISIONING',
    deploy: 'DEPLOYING',
    delete: 'DELETING',
    reserve: 'PENDING',
    finish: 'PENDING',
  } as const;
  await updateServers(
    work.tx,
    begun.flatMap(({ server_id: id, action }) =>
      id === null || action === 'change' ? [] : [{ id, state: atWork[action] }],
    ),
  );
  return { ...still, enqueue: begun.map((step) => commandOf(deps.signer, work, step, currentTraceparent())) };
}

async function send(deps: WorkDeps, about: About, commands: readonly NewCommand[]): Promise<void> {
  let batch: NewCommand[] = [];
  let bytes = 0;
  const flush = async () => {
    if (batch.length > 0)
      await deps.peers.client('agent-gateway', CommandService, about).enqueueCommands({ commands: batch });
    batch = [];
    bytes = 0;
  };
  for (const command of commands) {
    const size = command.payload.length;
    if (bytes + size > mostBytes || batch.length >= mostCommands) await flush();
    batch.push(command);
    bytes += size;
  }
  await flush();
}

function apply(work: Work, steps: readonly StepChange[], servers: readonly ServerChange[]): Work {
  const changedSteps = new Map(steps.map((s) => [s.key, s]));
  const changedServers = new Map(servers.map((s) => [s.id, s]));
  return {
    ...work,
    steps: work.steps.map((s) => ({
      ...s,
      state: changedSteps.get(s.key)?.state ?? s.state,
      failure: changedSteps.get(s.key)?.failure ?? s.failure,
    })),
    servers: work.servers.map((s) => {
      const change = changedServers.get(s.id);
      return change === undefined
        ? s
        : {
            ...s,
            state: change.state ?? s.state,
            node: change.node ?? s.node,
            address: change.address ?? s.address,
          };
    }),
  };
}
