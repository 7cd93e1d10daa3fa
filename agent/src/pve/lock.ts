import { DecodedFailure } from '../command/failure.ts';
import { type Located, locate } from './locate.ts';
import { pause } from './pause.ts';
import type { PveSite } from './site.ts';

type Here = Extract<Located, { state: 'here' }>;

/** Locks that only the task which makes a VM holds; without that task they stay for ever. */
const making = new Set(['clone', 'create']);

/** Whether a lock is one that only the making of a VM holds. */
export const isMakingLock = (lock: string): boolean => making.has(lock);

/** What a root shell runs to clear a lock that no task holds any more. */
export const clearingCommand = (vmid: number, lock: string): string =>
  making.has(lock) ? `qm unlock ${vmid} && qm destroy ${vmid} --purge 1` : `qm unlock ${vmid}`;

/** A task that just ended has up to this long to take its lock away. */
const graceMs = 2_000;

/**
 * Waits until nothing holds the VM's `lock`. Never clears one: an API token may not, and whoever may has to look first.
 * @param blind the task behind it can't be seen (another token's), so that even the lock of a VM in the making gets the longer wait
 * @throws DecodedFailure OPERATOR_REQUIRED, with the command that clears it, once nobody is at work behind the lock
 */
export async function awaitUnlocked(
  site: PveSite,
  vmid: number,
  found: Here,
  signal: AbortSignal,
  tell: (text: string) => void,
  blind = false,
): Promise<Located> {
  const since = performance.now();
  let idleSince = since;
  for (let at: Located = found, wait = 50; ; wait = Math.min(1_000, wait * 2)) {
    if (at.state !== 'here') return at;
    const lock = at.config.options['lock'] ?? '';
    if (lock === '') return at;
    const now = performance.now();
    const busy = (await site.api.tasks(at.node, { vmid }, signal)).some((task) => task.running);
    if (busy) idleSince = now;
    // Another user's task (a backup) is invisible to the token, so its lock gets the longer wait.
    const patience = making.has(lock) && !blind ? graceMs : site.waits.lockMs;
    if (now - idleSince > patience) throw staleLock(vmid, at.node, lock);
    tell(`waiting for lock: ${lock}`);
    await pause(wait, signal);
    at = await locate(site, vmid, at.node, signal);
  }
}

function staleLock(vmid: number, node: string, lock: string): DecodedFailure {
  const command = clearingCommand(vmid, lock);
  const left = making.has(lock)
    ? 'The task that was making it died (a node that went down, a killed worker) and left a stub.'
    : 'The task that took the lock is not at work any more.';
  return new DecodedFailure({
    reason: 'OPERATOR_REQUIRED',
    message: `VM ${vmid} on ${node} is locked (${lock}) and nothing is at work on it`,
    cause: left,
    remedy: `Look at the VM, then run as root on ${node}: ${command}. After that try again.`,
    retryable: true,
    parameters: { vmid: String(vmid), node, lock, command },
  });
}

/** What a creation that failed half-way leaves: locked, and in no pool, so that the token can't even see it. */
export function leftStub(vmid: number, node: string): DecodedFailure {
  const command = clearingCommand(vmid, 'clone');
  return new DecodedFailure({
    reason: 'OPERATOR_REQUIRED',
    message: `Making VM ${vmid} on ${node} failed and left a stub that the API token can't see`,
    cause: 'A creation that fails half-way (a storage lock that timed out) leaves its VM locked and in no pool.',
    remedy: `Look at the VM, then run as root on ${node}: ${command}. After that try again.`,
    retryable: true,
    parameters: { vmid: String(vmid), node, command },
  });
}
