import type { CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { PveTaskError } from './error.ts';
import { faultOf } from './fault.ts';
import { jitter, pause } from './pause.ts';
import type { PveSite } from './site.ts';
import { journalled } from './step.ts';
import { waitForTask } from './task.ts';
import { parseUpid } from './upid.ts';

const tries = 6;
/** High availability only queues a start; it may take this long to act. */
const queuedMs = 60_000;

/** Has the VM run. A start that failed is judged by the VM's state: it can have started all the same. */
export async function start(site: PveSite, run: CommandRun, node: string, vmid: number): Promise<void> {
  for (let at = 0; ; at++) {
    if ((await site.api.status(node, vmid, run.signal)).running) return;
    run.progress('start', `starting VM ${vmid}`);
    try {
      const upid = await journalled(run, 'start', { node, vmid }, async () => {
        const task = await site.api.power(node, vmid, 'start', {}, run.signal);
        await waitForTask(site.api.client, task, run.signal);
        return task;
      });
      if (parseUpid(upid)?.type === 'qmstart') return;
      await awaitState(site, node, vmid, true, queuedMs, run.signal);
      return;
    } catch (error) {
      run.signal.throwIfAborted();
      const fault = faultOf(error);
      if (fault === undefined) throw error;
      if ((await site.api.status(node, vmid, run.signal)).running) return;
      if (at + 1 >= tries || (!fault.passes && fault.code !== 'PVE_LOCKED')) throw error;
    }
    await pause(jitter(at, 200, 5_000), run.signal);
  }
}

/** Has the VM stopped: asks it first, for `askedMs`, then cuts the power. */
export async function stop(
  site: PveSite,
  run: CommandRun,
  node: string,
  vmid: number,
  askedMs = site.waits.shutdownMs,
): Promise<void> {
  const seconds = Math.ceil(askedMs / 1000);
  if (!(await site.api.status(node, vmid, run.signal)).running) return;
  run.progress('shutdown', `asking VM ${vmid} to shut down, for ${seconds} s at most`);
  try {
    const upid = await site.api.power(node, vmid, 'shutdown', { timeout: seconds }, run.signal);
    await waitForTask(site.api.client, upid, AbortSignal.any([run.signal, AbortSignal.timeout(askedMs + 10_000)]));
    // High availability only queues it.
    if (parseUpid(upid)?.type !== 'qmshutdown')
      await awaitState(site, node, vmid, false, askedMs + queuedMs, run.signal);
  } catch (error) {
    run.signal.throwIfAborted();
    // A guest without an agent or ACPI never listens; it is stopped below.
    const passed = error instanceof PveTaskError || error instanceof DecodedFailure || isTimeout(error);
    if (!passed && faultOf(error) === undefined) throw error;
  }
  for (let at = 0; (await site.api.status(node, vmid, run.signal)).running; at++) {
    run.progress('stop', `stopping VM ${vmid}`);
    try {
      const upid = await site.api.power(node, vmid, 'stop', { 'overrule-shutdown': 1 }, run.signal);
      await waitForTask(site.api.client, upid, run.signal);
      await awaitState(site, node, vmid, false, queuedMs, run.signal);
    } catch (error) {
      run.signal.throwIfAborted();
      if (at + 1 >= tries || faultOf(error)?.passes !== true) throw error;
      await pause(jitter(at, 200, 3_000), run.signal);
    }
  }
}

async function awaitState(
  site: PveSite,
  node: string,
  vmid: number,
  running: boolean,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const since = performance.now();
  for (
    let wait = 50;
    (await site.api.status(node, vmid, signal)).running !== running;
    wait = Math.min(1_000, wait * 2)
  ) {
    if (performance.now() - since > ms) {
      throw new DecodedFailure({
        reason: 'PVE_STATE_NOT_REACHED',
        message: `VM ${vmid} on ${node} is still ${running ? 'stopped' : 'running'}`,
        cause: 'The task ended well, and the VM did not follow; high availability may be managing it.',
        remedy: 'Look at the VM in Proxmox VE (and at its HA state), then try again.',
        retryable: true,
      });
    }
    await pause(wait, signal);
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}
