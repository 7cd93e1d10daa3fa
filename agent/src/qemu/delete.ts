import { type DeleteServer, Effect, Outcome } from '@truffle/api/agent/v1/command';
import { removeMachine } from '@truffle/qemu';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import type { ServerRef } from '../pve/owned.ts';
import { folderOf, type Here, locate } from './locate.ts';
import { requireOwned } from './owned.ts';
import { stop } from './power.ts';
import type { QemuSite } from './site.ts';

/**
 * Makes one server be gone, disks and all. Absent is done already; what does not carry this server's mark and UUID is never touched.
 * @throws DecodedFailure for a foreign machine, QemuError, or the run's signal's reason
 */
export async function deleteServer(site: QemuSite, run: CommandRun, spec: DeleteServer): Promise<CommandEnd> {
  await removeServer(site, run, spec, requireOwned);
  const did = run.recall('destroy') !== undefined;
  run.progress('gone', did ? `machine ${spec.vmid} is gone` : `machine ${spec.vmid} was gone already`);
  return { outcome: Outcome.SUCCEEDED, effect: did ? Effect.FULL : Effect.NONE };
}

/**
 * Removes the server's machine and all that it owns, and what a creation that died left of it.
 * @param require throws for a machine that is not to be touched; asked again before it is removed
 * @param step the name of the journalled step
 */
export async function removeServer(
  site: QemuSite,
  run: CommandRun,
  spec: ServerRef,
  require: (found: Here, server: ServerRef) => void,
  step = 'destroy',
): Promise<void> {
  const found = locate(site, spec.vmid);
  if (found !== undefined) {
    require(found, spec);
    await stop(site, run, found);
    // A guest may take long to shut down: whose the machine is by now is read again.
    const now = locate(site, spec.vmid);
    if (now !== undefined) require(now, spec);
    run.progress('destroy', `removing machine ${spec.vmid} and its disk`);
    run.intend(step, { vmid: spec.vmid });
  }
  removeMachine(folderOf(site, spec.vmid));
  site.numbers.release(spec.vmid);
  if (found !== undefined) run.observe(step, { vmid: spec.vmid });
}
