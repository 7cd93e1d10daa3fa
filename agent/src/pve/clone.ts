import type { EnsureServer } from '@truffle/api/agent/v1/command';
import type { CommandRun, StepRecord } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { type Choice, cloneOf } from './choice.ts';
import { PveError, PveTaskError } from './error.ts';
import { faultOf } from './fault.ts';
import { numberOf, rowOf, textOf } from './json.ts';
import { type Located, locate } from './locate.ts';
import { awaitUnlocked, leftStub } from './lock.ts';
import { awaitSeen } from './seen.ts';
import { isOurs, isUndescribed, markText } from './mark.ts';
import { jitter, pause } from './pause.ts';
import { requireClonable } from './root-only.ts';
import { conflict, place } from './server.ts';
import type { PveSite } from './site.ts';
import { taskLog, waitForTask } from './task.ts';

export type Here = Extract<Located, { state: 'here' }>;

const maxTries = 8;
/** How far the hypervisor's clock may be from ours. */
const clockSkewSeconds = 600;

/** What is on disk before a clone is asked for: where to look for it when the reply never comes. */
interface Reservation {
  readonly template: number;
  readonly templateNode: string;
  readonly target: string;
  /** Seconds since the epoch, by our clock. */
  readonly since: number;
}

/**
 * Makes the server's VM exist: whole, unlocked and ours. Each try is a journalled reservation of the VMID before the call and the task's
 * UPID after it, so that a crash, a lost reply or a late answer is resumed and never cloned again.
 * @throws DecodedFailure for a foreign VM or a stale lock, PveError and PveTaskError for what did not pass by itself
 */
export async function ensureCloned(site: PveSite, run: CommandRun, spec: EnsureServer, choice: Choice): Promise<Here> {
  // A server that is there needs neither its image nor the node that the plan chose.
  const begun = run.recall('clone') !== undefined;
  const there =
    begun || (await site.api.isFree(spec.vmid, run.signal)) ? undefined : await settle(site, run, spec, spec.node);
  if (there !== undefined) return there;
  for (let at = 1; ; at++) {
    const name = at === 1 ? 'clone' : `clone-${at}`;
    const known = run.recall(name);
    if (known !== undefined && run.recall(`clone-${at + 1}`) !== undefined) continue;
    try {
      const made =
        known === undefined ? await dispatch(site, run, spec, choice, name) : await resume(site, run, spec, known);
      if (made !== undefined) return made;
    } catch (error) {
      if (at >= maxTries || faultOf(error)?.passes !== true) throw error;
      run.log('agent', `clone try ${at}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (at >= maxTries) throw neverMade(spec);
    await pause(jitter(at, 100, 5_000), run.signal);
  }
}

/** A first call. Undefined when it surely left nothing behind and may be made again. */
async function dispatch(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  choice: Choice,
  name: string,
): Promise<Here | undefined> {
  const storage = spec.storage === '' && choice.clone === 'linked' ? undefined : choice.storage;
  const { template, target } = await place(site, {
    image: spec.image,
    node: spec.node,
    avoid: spec.avoidNodes,
    storage,
  });
  requireClonable(spec.image, template);
  const full = cloneOf(spec, choice, template) === 'full';
  if (target !== spec.node) run.log('agent', `node ${spec.node} can't take image ${spec.image}: using ${target}`);
  const storages = full ? [choice.storage] : template.storages;
  return withAll(site, template.vmid, storages, run.signal, async () => {
    const reservation: Reservation = {
      template: template.vmid,
      templateNode: template.node,
      target,
      since: Math.floor(Date.now() / 1000),
    };
    run.progress('clone', `cloning ${spec.image} to VM ${spec.vmid} on ${target}`);
    // A clone in progress carries no mark: that the number is ours is on disk before it begins.
    site.numbers.reserve({ vmid: spec.vmid, serverId: spec.serverId, commandId: run.commandId });
    run.intend(name, { ...reservation });
    try {
      const upid = await site.api.clone(
        template.node,
        template.vmid,
        cloneParams(site, run, spec, reservation, full ? choice.storage : undefined),
        run.signal,
      );
      run.observe(name, { upid });
      return await finish(site, run, spec, reservation, upid);
    } catch (error) {
      if (faultOf(error)?.code === 'PVE_VMID_EXISTS') return settle(site, run, spec, reservation.target);
      if (error instanceof PveError && isUncertain(error)) return findLost(site, run, spec, reservation);
      throw error;
    }
  });
}

/** A call that was made before a crash. */
async function resume(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  known: StepRecord,
): Promise<Here | undefined> {
  const handle = rowOf(known.handle);
  const reservation: Reservation = {
    template: numberOf(handle, 'template'),
    templateNode: textOf(handle, 'templateNode'),
    target: textOf(handle, 'target'),
    since: numberOf(handle, 'since'),
  };
  run.progress('clone', `resuming the clone of VM ${spec.vmid}`);
  const upid = textOf(rowOf(known.observed), 'upid');
  return upid === '' ? findLost(site, run, spec, reservation) : finish(site, run, spec, reservation, upid);
}

/** Waits for the clone's task; a task that failed is judged by what it left. */
async function finish(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  reservation: Reservation,
  upid: string,
): Promise<Here | undefined> {
  let failure: unknown;
  let outcome: Outcome = 'done';
  try {
    const end = await waitForTask(site.api.client, upid, run.signal);
    if (end.warnings > 0) run.log('agent', `the clone gave ${end.warnings} warnings`);
  } catch (error) {
    outcome = outcomeOf(error);
    failure = error;
  }
  const made = await settle(site, run, spec, reservation.target, outcome);
  if (made === undefined && failure !== undefined) throw failure;
  return made;
}

/** What is known of the clone when the number is looked at: `unseen` is at work or ended, and the token can't tell. */
type Outcome = 'none' | 'done' | 'failed' | 'unseen';

/** @throws what does not tell how the clone ended */
function outcomeOf(error: unknown): Outcome {
  if (error instanceof PveTaskError) return faultOf(error)?.code === 'PVE_VMID_EXISTS' ? 'none' : 'failed';
  // Gone from the node's index, or started by a token that was replaced since.
  if (error instanceof PveError && (error.status === 400 || error.status === 403)) return 'unseen';
  throw error;
}

/** What is on our number now: our VM once it is unlocked, nothing, or a conflict. */
async function settle(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  hint: string,
  outcome: Outcome = 'none',
): Promise<Here | undefined> {
  const { signal } = run;
  let found = await locate(site, spec.vmid, hint, signal);
  if (outcome === 'unseen') found = await awaitSeen(site, run, spec.vmid, found, () => Promise.resolve(true));
  if (found.state === 'here' && found.config.options['lock'] !== undefined) {
    // The mark is written last: a stub without any may be our own, one with another's is not.
    if (looksForeign(found, spec)) throw conflict(spec.vmid, found.node, spec.serverId);
    found = await awaitUnlocked(
      site,
      spec.vmid,
      found,
      signal,
      (text) => run.progress('clone', text),
      outcome === 'unseen',
    );
  }
  if (found.state === 'absent') return undefined;
  if (found.state === 'hidden' && outcome === 'failed') throw leftStub(spec.vmid, hint);
  if (found.state === 'hidden' || !isOurs(found.config.options, spec)) {
    throw conflict(spec.vmid, found.state === 'here' ? found.node : undefined, spec.serverId);
  }
  return found;
}

/**
 * A call whose reply was lost: the task is known by the template's number (not the new one) and names the new one in its log.
 * Undefined when nothing came of it; should it still come, the VMID makes the next try meet it.
 */
async function findLost(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  reservation: Reservation,
): Promise<Here | undefined> {
  run.progress('clone', `looking for the clone of VM ${spec.vmid}`);
  const since = performance.now();
  for (;;) {
    const upid = await findTask(site, run, spec, reservation);
    const found = await locate(site, spec.vmid, reservation.target, run.signal);
    if (upid !== undefined && found.state !== 'absent') return finish(site, run, spec, reservation, upid);
    if (found.state === 'here') return settle(site, run, spec, reservation.target);
    // One that can't be seen may be our own, whose task has not said so yet.
    if (performance.now() - since > site.waits.lostReplyMs)
      return found.state === 'absent' ? undefined : settle(site, run, spec, reservation.target);
    await pause(250, run.signal);
  }
}

async function findTask(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  reservation: Reservation,
): Promise<string | undefined> {
  const { template, templateNode, since } = reservation;
  const filter = { vmid: template, type: 'qmclone', since: since - clockSkewSeconds };
  const line = `creating a clone of VM ${template} with ID ${spec.vmid}`;
  for (const task of await site.api.tasks(templateNode, filter, run.signal)) {
    const log = await taskLog(site.api.client, task.upid, run.signal);
    if (log.some((each) => each.trim() === line)) return task.upid;
  }
  return undefined;
}

function cloneParams(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  { templateNode, target }: Reservation,
  storage: string | undefined,
) {
  return {
    newid: spec.vmid,
    name: spec.name,
    description: markText({ orgId: spec.orgId, serverId: spec.serverId, commandId: run.commandId }),
    pool: site.pool,
    target: target === templateNode ? undefined : target,
    full: storage === undefined ? undefined : 1,
    storage,
  };
}

function looksForeign(found: Here, spec: EnsureServer): boolean {
  return !isUndescribed(found.config.options) && !isOurs(found.config.options, spec);
}

function isUncertain(error: PveError): boolean {
  return error.reach === 'uncertain' || faultOf(error)?.code === 'PVE_NO_WORKER';
}

function withAll<T>(
  site: PveSite,
  template: number,
  storages: readonly string[],
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  // In one order for all, so that no two wait for each other.
  const nested = [...storages]
    .sort()
    .reduceRight((inner, name) => () => site.perStorage.with(name, signal, inner), work);
  return site.perTemplate.with(String(template), signal, nested);
}

function neverMade(spec: EnsureServer): DecodedFailure {
  return new DecodedFailure({
    reason: 'PVE_CLONE_LOST',
    message: `VM ${spec.vmid} did not appear after ${maxTries} tries`,
    cause: 'The hypervisor took the calls and made nothing of them.',
    remedy: 'Look at the clone tasks of the template in Proxmox VE, then try again.',
    retryable: true,
  });
}
