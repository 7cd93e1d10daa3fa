import { join } from 'node:path';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { DeleteSnapshot, SnapshotServer } from '@truffle/api/agent/v1/server_command';
import {
  Disks,
  type DiskSnapshot,
  listSnapshots,
  type MachineSpec,
  removeSnapshot,
  replaceFile,
  takeSnapshot,
} from '@truffle/qemu';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { snapshotName } from '../pve/snapshot.ts';
import type { Here } from './locate.ts';
import { findOwned } from './owned.ts';
import type { QemuSite } from './site.ts';

/**
 * Makes the command's snapshot exist. It is named after the command, so running again finds it.
 * @throws QemuError, DecodedFailure, or the run's signal's reason
 */
export async function snapshotServer(site: QemuSite, run: CommandRun, spec: SnapshotServer): Promise<CommandEnd> {
  const name = snapshotName(run.commandId);
  const vm = findOwned(site, spec);
  const disks = new Disks(site.programs().img, run.signal);
  let made = await findSnapshot(disks, vm, name);
  if (made === undefined) {
    run.intend('snapshot', { name });
    run.progress('snapshot', `taking the snapshot ${name} of machine ${spec.vmid}`);
    // A snapshot with memory goes on only on the hardware that it was taken of.
    replaceFile(hardwareFile(vm, name), JSON.stringify(vm.record.spec));
    await takeSnapshot(disks, vm.folder, name, spec.includeMemory, run.signal);
    made = await findSnapshot(disks, vm, name);
  }
  const value = { name, madeAt: BigInt(made?.madeAt ?? 0) };
  return {
    outcome: Outcome.SUCCEEDED,
    effect: Effect.FULL,
    output: create(CommandOutputSchema, { output: { case: 'snapshot', value } }),
  };
}

/** Makes one of our snapshots be gone. Absent is done already. @throws as `snapshotServer` */
export async function deleteSnapshot(site: QemuSite, run: CommandRun, spec: DeleteSnapshot): Promise<CommandEnd> {
  requireOurName(spec.snapshot);
  const vm = findOwned(site, spec);
  const disks = new Disks(site.programs().img, run.signal);
  const there = (await findSnapshot(disks, vm, spec.snapshot)) !== undefined;
  if (there) {
    run.intend('delete', { name: spec.snapshot });
    run.progress('delete', `removing the snapshot ${spec.snapshot} of machine ${spec.vmid}`);
    await removeSnapshot(disks, vm.folder, spec.snapshot, run.signal);
  }
  rmSync(hardwareFile(vm, spec.snapshot), { force: true });
  const did = there || run.recall('delete') !== undefined;
  return { outcome: Outcome.SUCCEEDED, effect: did ? Effect.FULL : Effect.NONE };
}

/** Only what a command made may be touched by one. @throws DecodedFailure */
export function requireOurName(snapshot: string): void {
  if (/^tf-cmd_[0-9a-z]+$/.test(snapshot)) return;
  throw new DecodedFailure({
    reason: 'QEMU_SNAPSHOT_FOREIGN',
    message: `The snapshot ${snapshot} was not made by a command`,
    cause: 'Snapshots that people make are theirs.',
    remedy: 'Name one that SnapshotServer made (tf-cmd_…), or use qemu-img itself.',
    effect: Effect.NONE,
  });
}

/** The snapshot of that name; undefined when there is none. @throws QemuError */
export async function findSnapshot(disks: Disks, { folder }: Here, name: string): Promise<DiskSnapshot | undefined> {
  return (await listSnapshots(disks, folder)).find((each) => each.name === name);
}

/** What the machine was when the snapshot was taken; undefined when that is not known any more. */
export function hardwareOf(vm: Here, name: string): MachineSpec | undefined {
  const file = hardwareFile(vm, name);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as MachineSpec) : undefined;
}

const hardwareFile = ({ folder }: Here, name: string): string => join(folder, `${name}.json`);
