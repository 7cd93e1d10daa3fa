import type { CommandRun } from '../command/effect.ts';
import type { TaskRow } from './api.ts';
import { PveError } from './error.ts';
import { rowOf, textOf } from './json.ts';
import { pause } from './pause.ts';
import type { PveSite } from './site.ts';
import { type TaskEnd, waitForTask } from './task.ts';

/** What a task is found by when the call that started it was never answered. */
export interface TaskKind {
  readonly node: string;
  /** Under high availability the same call starts a task of another type. */
  readonly types: readonly string[];
  /** A VMID, or what else tasks of the type are about. */
  readonly id: string;
}

/**
 * Starts a task once and waits for its end. What the newest such task was is on disk before the call and the UPID after it, so that
 * after a crash or a lost reply the task is found again and not started twice.
 * @throws PveTaskError when it failed, PveError, or the run's signal's reason
 */
export async function taskOnce(
  site: PveSite,
  run: CommandRun,
  name: string,
  kind: TaskKind,
  dispatch: () => Promise<string>,
): Promise<TaskEnd> {
  const known = run.recall(name);
  const upid = textOf(rowOf(known?.observed), 'upid');
  if (upid !== '') return waitForTask(site.api.client, upid, run.signal);
  const newest =
    known === undefined ? ((await listed(site, run, kind))[0]?.upid ?? '') : textOf(rowOf(known.handle), 'newest');
  if (known === undefined) run.intend(name, { newest, node: kind.node, id: kind.id });
  const started =
    (known === undefined ? undefined : await findAfter(site, run, kind, newest)) ??
    (await call(site, run, kind, newest, dispatch));
  run.observe(name, { upid: started });
  return waitForTask(site.api.client, started, run.signal);
}

async function call(
  site: PveSite,
  run: CommandRun,
  kind: TaskKind,
  newest: string,
  dispatch: () => Promise<string>,
): Promise<string> {
  try {
    return await dispatch();
  } catch (error) {
    if (!(error instanceof PveError) || error.reach !== 'uncertain') throw error;
    const found = await findAfter(site, run, kind, newest);
    if (found === undefined) throw error;
    return found;
  }
}

/** The oldest task of the kind that is newer than `newest`; it may take a moment to show. */
async function findAfter(site: PveSite, run: CommandRun, kind: TaskKind, newest: string): Promise<string | undefined> {
  const since = performance.now();
  for (;;) {
    const tasks = await listed(site, run, kind);
    const before = tasks.findIndex((task) => task.upid === newest);
    const found = (before < 0 ? tasks : tasks.slice(0, before)).at(-1);
    if (found !== undefined) return found.upid;
    if (performance.now() - since > site.waits.lostReplyMs) return undefined;
    await pause(100, run.signal);
  }
}

/** Newest first. */
async function listed(site: PveSite, run: CommandRun, kind: TaskKind): Promise<readonly TaskRow[]> {
  const vmid = /^\d+$/.test(kind.id) ? { vmid: Number(kind.id) } : {};
  const tasks = await site.api.tasks(kind.node, vmid, run.signal);
  return tasks.filter((task) => task.id === kind.id && kind.types.includes(task.type));
}
