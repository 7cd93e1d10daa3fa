import { type DeleteServer, Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import type { Here } from './clone.ts';
import { faultOf } from './fault.ts';
import { rowOf, textOf } from './json.ts';
import { locate } from './locate.ts';
import { awaitUnlocked } from './lock.ts';
import { hasTag, isUndescribed, readMark, smbiosUuid } from './mark.ts';
import type { ServerRef } from './owned.ts';
import { jitter, pause } from './pause.ts';
import { stop } from './power.ts';
import { removeSeeds } from './seed.ts';
import { awaitSeen, clonesAtWork } from './seen.ts';
import { conflict } from './server.ts';
import type { PveSite } from './site.ts';
import { journalled } from './step.ts';
import { waitForTask } from './task.ts';

const tries = 6;

/**
 * Makes one server be gone, disks and all. Absent is done already; what does not carry this server's mark and UUID is never touched.
 * @throws DecodedFailure for a foreign VM or a stale lock, PveError, PveTaskError, or the run's signal's reason
 */
export async function deleteServer(site: PveSite, run: CommandRun, spec: DeleteServer): Promise<CommandEnd> {
  await removeServer(site, run, spec, requireOwned);
  const did = run.recall('destroy') !== undefined;
  run.progress('gone', did ? `VM ${spec.vmid} is gone` : `VM ${spec.vmid} was gone already`);
  return { outcome: Outcome.SUCCEEDED, effect: did ? Effect.FULL : Effect.NONE };
}

/**
 * Removes the server's VM, its disks and the images that it was booted with.
 * @param require throws for a VM that is not to be touched; asked again before each try
 * @param step the name of the journalled step
 */
export async function removeServer(
  site: PveSite,
  run: CommandRun,
  spec: ServerRef,
  require: (found: Here, server: ServerRef, inMaking: boolean) => void,
  step = 'destroy',
): Promise<void> {
  let hint: string | undefined;
  for (let at = 0; ; at++) {
    let found = await locate(site, spec.vmid, hint, run.signal);
    found = await awaitSeen(site, run, spec.vmid, found, () => clonesAtWork(site, run.signal));
    if (found.state === 'hidden') throw conflict(spec.vmid, undefined, spec.serverId);
    if (found.state === 'here' && found.config.options['lock'] !== undefined) {
      require(found, spec, true);
      found = await awaitUnlocked(site, spec.vmid, found, run.signal, (text) => run.progress('lock', text));
    }
    if (found.state !== 'here') break;
    require(found, spec, false);
    hint = found.node;
    try {
      await stop(site, run, found.node, spec.vmid);
      // A guest may take long to shut down: whose the VM is by now is read again.
      const now = await locate(site, spec.vmid, found.node, run.signal);
      if (now.state === 'here') require(now, spec, false);
      await destroy(site, run, step, found.node, spec.vmid);
    } catch (error) {
      run.signal.throwIfAborted();
      const fault = faultOf(error);
      const passes = fault?.passes === true || fault?.code === 'PVE_LOCKED' || fault?.code === 'PVE_NO_SUCH_VM';
      if (at + 1 >= tries || !passes) throw error;
      await pause(jitter(at, 200, 5_000), run.signal);
    }
  }
  const last = textOf(rowOf(run.recall(step)?.handle), 'node');
  // One that never was there may still come, from a clone whose reply was lost: what was reserved proves then whose it is.
  if (hint !== undefined) site.numbers.release(spec.vmid);
  await removeSeeds(site, run, hint ?? (last === '' ? await anyNode(site) : last), spec.serverId);
  for (const [address, vmid] of site.addresses) if (vmid === spec.vmid) site.addresses.delete(address);
}

/** A node to ask about storages, where the VM's own is not known any more. */
async function anyNode(site: PveSite): Promise<string> {
  return (await site.facts.resources()).nodes.find((each) => each.online)?.node ?? '';
}

async function destroy(site: PveSite, run: CommandRun, step: string, node: string, vmid: number): Promise<void> {
  run.progress('destroy', `removing VM ${vmid} and its disks`);
  await journalled(run, step, { node, vmid }, async () => {
    const upid = await site.api.destroy(node, vmid, run.signal);
    await waitForTask(site.api.client, upid, run.signal);
    return { upid };
  });
}

/**
 * The mark and the UUID must both be this server's. A VM whose configuration step never came has the mark and not yet the tag, which is set
 * together with the UUID; a stub in the making has nothing yet.
 */
function requireOwned(found: Here, spec: ServerRef, inMaking: boolean): void {
  const { options } = found.config;
  const mark = readMark(options['description'] ?? '');
  if (inMaking && mark === undefined && isUndescribed(options) && options['lock'] === 'clone') return;
  const marked = mark?.serverId === spec.serverId && mark.orgId === spec.orgId;
  const configured = hasTag(options['tags'] ?? '', spec.serverId);
  const uuid = smbiosUuid(options['smbios1'] ?? '') === spec.smbiosUuid.toLowerCase();
  if (!marked || (configured && !uuid)) throw conflict(spec.vmid, found.node, spec.serverId);
}
