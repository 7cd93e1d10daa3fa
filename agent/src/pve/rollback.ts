import { Effect } from '@truffle/api/agent/v1/command';
import type { RollbackServer } from '@truffle/api/agent/v1/server_command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { upidOf, vmPath } from './api.ts';
import { attempt } from './attempt.ts';
import { rowOf } from './json.ts';
import { findOwned } from './owned.ts';
import { taskOnce } from './once.ts';
import { placedEnd } from './placed.ts';
import { start } from './power.ts';
import type { PveSite } from './site.ts';
import { findSnapshot, requireOurName } from './snapshot.ts';

/**
 * Puts a server back to one of our snapshots; it runs afterwards if it ran before. Nothing of the VM tells that this was done, so the task
 * is journalled and found again.
 * @throws PveError, PveTaskError, DecodedFailure, or the run's signal's reason
 */
export async function rollbackServer(site: PveSite, run: CommandRun, spec: RollbackServer): Promise<CommandEnd> {
  requireOurName(spec.snapshot);
  let vm = await findOwned(site, run, spec);
  const { running } = await site.api.status(vm.node, spec.vmid, run.signal);
  const before = run.intend('before', { running });
  await attempt(run, {
    done: async () => {
      vm = await findOwned(site, run, spec, vm.node);
      return false;
    },
    act: async (step) => {
      const snapshot = await findSnapshot(site, vm.node, spec.vmid, spec.snapshot, run.signal);
      if (snapshot?.whole !== true) throw noSnapshot(spec, snapshot !== undefined);
      run.progress('rollback', `putting VM ${spec.vmid} back to ${spec.snapshot}`);
      const path = `${vmPath(vm.node, spec.vmid)}/snapshot/${encodeURIComponent(spec.snapshot)}/rollback`;
      const kind = { node: vm.node, types: ['qmrollback'], id: String(spec.vmid) };
      await taskOnce(site, run, step('rollback'), kind, async () =>
        upidOf(await site.api.client.post(path, {}, { node: vm.node, signal: run.signal }), `POST ${path}`),
      );
    },
  });
  if (rowOf(before.handle)['running'] === true) await start(site, run, vm.node, spec.vmid);
  return placedEnd(site, run, vm.node, spec.vmid, Effect.FULL);
}

function noSnapshot(spec: RollbackServer, half: boolean): DecodedFailure {
  return new DecodedFailure({
    reason: 'PVE_SNAPSHOT_MISSING',
    message: `VM ${spec.vmid} has no ${half ? 'whole ' : ''}snapshot ${spec.snapshot}`,
    cause: half ? 'Taking or removing it failed half-way.' : 'It was removed, or never taken.',
    remedy: 'Choose another one; `qm listsnapshot` on the node lists them.',
    effect: Effect.NONE,
  });
}
