import { CommandStopped } from '../command/effect.ts';
import { PveError, PveTaskError } from './error.ts';
import type { PveClient } from './client.ts';
import { rowOf, rowsOf, textOf } from './json.ts';
import { pause } from './pause.ts';
import { parseUpid } from './upid.ts';

const firstPollMs = 15;
const lastPollMs = 1_000;
/** How long a task may be unknown after it was dispatched. */
const appearMs = 10_000;
const tailLines = 20;

/** How a task that succeeded ended. */
export interface TaskEnd {
  readonly upid: string;
  /** How many warnings it gave. */
  readonly warnings: number;
}

/**
 * Waits for a task's end, polling fast at first. Only the signal ends the wait: a cancel is passed on to the task, after every other stop it
 * goes on by itself, to be found again.
 * @throws PveTaskError when it failed, PveError when its state can't be read, or the signal's reason
 */
export async function waitForTask(client: PveClient, upid: string, signal: AbortSignal): Promise<TaskEnd> {
  try {
    return await untilStopped(client, upid, signal);
  } catch (error) {
    if (error instanceof CommandStopped && error.why === 'cancelled') await stopTask(client, upid);
    throw error;
  }
}

async function untilStopped(client: PveClient, upid: string, signal: AbortSignal): Promise<TaskEnd> {
  const path = pathOf(upid);
  const node = parseUpid(upid)?.node;
  const since = performance.now();
  for (let wait = firstPollMs; ; wait = Math.min(lastPollMs, wait * 1.5)) {
    const status = await readStatus(client, path, node, signal, performance.now() - since < appearMs);
    if (status !== undefined && textOf(status, 'status') === 'stopped') {
      return endOf(client, upid, textOf(status, 'exitstatus'), signal);
    }
    await pause(wait, signal);
  }
}

/** Asks a running task to stop; best effort, at most 5 s. */
async function stopTask(client: PveClient, upid: string): Promise<void> {
  const node = parseUpid(upid)?.node ?? '';
  const path = `/nodes/${encodeURIComponent(node)}/tasks/${encodeURIComponent(upid)}`;
  try {
    await client.delete(path, {}, { node, signal: AbortSignal.timeout(5_000), tries: 1 });
  } catch {
    // It may have ended by itself; what it did is observed later.
  }
}

/** The last lines of a task's log; empty when it can't be read. */
export async function taskLog(client: PveClient, upid: string, signal: AbortSignal): Promise<readonly string[]> {
  const node = parseUpid(upid)?.node ?? '';
  try {
    const lines = rowsOf(
      await client.get(`${pathOf(upid)}/log`, { start: 0, limit: 5_000 }, { node, signal, tries: 2 }),
    );
    return lines.map((line) => textOf(line, 't')).filter((line) => line !== '' && line !== 'no content');
  } catch {
    signal.throwIfAborted();
    return [];
  }
}

async function readStatus(
  client: PveClient,
  path: string,
  node: string | undefined,
  signal: AbortSignal,
  young: boolean,
) {
  try {
    return rowOf(await client.get(`${path}/status`, {}, node === undefined ? { signal } : { node, signal }));
  } catch (error) {
    // A node answers 400 for a moment after it dispatched a task.
    if (error instanceof PveError && error.status === 400 && young) return undefined;
    throw error;
  }
}

async function endOf(client: PveClient, upid: string, exitStatus: string, signal: AbortSignal): Promise<TaskEnd> {
  const warnings = /^WARNINGS: (\d+)$/.exec(exitStatus)?.[1];
  if (exitStatus === 'OK' || warnings !== undefined) return { upid, warnings: Number(warnings ?? 0) };
  const log = await taskLog(client, upid, signal);
  throw new PveTaskError(upid, exitStatus, log.slice(-tailLines));
}

function pathOf(upid: string): string {
  return `/nodes/${encodeURIComponent(parseUpid(upid)?.node ?? '')}/tasks/${encodeURIComponent(upid)}`;
}
