import type { CommandRun } from '../command/effect.ts';
import { type Located, locate } from './locate.ts';
import { pause } from './pause.ts';
import type { PveSite } from './site.ts';

/**
 * Waits, at most as long as for a lock, for a VM that the token can't see to be seen or gone: a VM is in its pool only once its clone ended.
 * @param busy whether it is worth waiting any longer
 * @throws PveError, or the run's signal's reason
 */
export async function awaitSeen(
  site: PveSite,
  run: CommandRun,
  vmid: number,
  found: Located,
  busy: () => Promise<boolean>,
): Promise<Located> {
  const since = performance.now();
  let at = found;
  for (let wait = 100; at.state === 'hidden'; wait = Math.min(1_000, wait * 2)) {
    if (performance.now() - since > site.waits.lockMs) return at;
    // What was busy may have ended, and let the VM be seen, between the look and the question.
    if (!(await busy())) return locate(site, vmid, undefined, run.signal);
    run.progress('clone', `waiting for VM ${vmid} to be seen`);
    await pause(wait, run.signal);
    at = await locate(site, vmid, undefined, run.signal);
  }
  return at;
}

/** Whether a clone of ours is at work anywhere: a task is known by the template's number, not by the new one. @throws PveError */
export async function clonesAtWork(site: PveSite, signal: AbortSignal): Promise<boolean> {
  const { nodes } = await site.facts.resources();
  const online = nodes.filter((each) => each.online);
  const tasks = await Promise.all(online.map(({ node }) => site.api.tasks(node, { type: 'qmclone' }, signal)));
  return tasks.flat().some((task) => task.running);
}
