import { Effect } from '@truffle/api/agent/v1/command';
import type { RollbackServer } from '@truffle/api/agent/v1/server_command';
import { cutPower, Disks, findProcess, placesOf, writeRecord } from '@truffle/qemu';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { rowOf } from '../pve/json.ts';
import { journalled } from '../pve/step.ts';
import { findOwned } from './owned.ts';
import { placedEnd } from './placed.ts';
import { start } from './power.ts';
import type { QemuSite } from './site.ts';
import { findSnapshot, hardwareOf, requireOurName } from './snapshot.ts';

/**
 * Puts a server back to one of our snapshots; it runs afterwards if it ran before, and goes on from its memory where that is part of the snapshot.
 * Once the disk was put back and that is on disk, it is not put back again.
 * @throws QemuError, DecodedFailure, or the run's signal's reason
 */
export async function rollbackServer(site: QemuSite, run: CommandRun, spec: RollbackServer): Promise<CommandEnd> {
  requireOurName(spec.snapshot);
  const vm = findOwned(site, spec);
  const disks = new Disks(site.programs().img, run.signal);
  const snapshot = await findSnapshot(disks, vm, spec.snapshot);
  if (snapshot === undefined) throw noSnapshot(spec);
  const before = run.intend('before', { running: findProcess(vm.folder) !== undefined });
  const hardware = hardwareOf(vm, spec.snapshot);
  const record = hardware === undefined ? vm.record : { ...vm.record, spec: hardware };
  if (run.recall('rollback')?.observed === undefined) {
    await journalled(run, 'rollback', { name: spec.snapshot }, async () => {
      run.progress('rollback', `putting machine ${spec.vmid} back to ${spec.snapshot}`);
      // What it holds in memory is not wanted any more.
      await cutPower(vm.folder);
      await disks.rollBack(placesOf(vm.folder).disk, spec.snapshot);
      writeRecord(vm.folder, record);
      return { name: spec.snapshot };
    });
  }
  const resume = snapshot.withMemory ? spec.snapshot : undefined;
  if (rowOf(before.handle)['running'] === true) await start(site, run, { ...vm, record }, resume);
  return placedEnd(site, vm, Effect.FULL);
}

function noSnapshot(spec: RollbackServer): DecodedFailure {
  return new DecodedFailure({
    reason: 'QEMU_SNAPSHOT_MISSING',
    message: `Machine ${spec.vmid} has no snapshot ${spec.snapshot}`,
    cause: 'It was removed, or never taken.',
    remedy: 'Choose another one; `qemu-img snapshot -l` lists those of its disk.',
    effect: Effect.NONE,
  });
}
