import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { ResizeServer } from '@truffle/api/agent/v1/server_command';
import { Disks, findProcess, placesOf, writeRecord } from '@truffle/qemu';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { grow } from './configure.ts';
import type { Here } from './locate.ts';
import { findOwned } from './owned.ts';
import { start, stop } from './power.ts';
import type { QemuSite } from './site.ts';

const mib = 2 ** 20;

/**
 * Makes a server have the given size. A disk only grows, and does so while the guest runs; processors and memory take effect by a restart, where
 * the command allows one.
 * @throws DecodedFailure for a smaller disk, QemuError, or the run's signal's reason
 */
export async function resizeServer(site: QemuSite, run: CommandRun, spec: ResizeServer): Promise<CommandEnd> {
  const found = findOwned(site, spec);
  const disks = new Disks(site.programs().img, run.signal);
  const { disk } = placesOf(found.folder);
  requireNoShrink(spec, (await disks.facts(disk)).bytes);
  const vm = sized(found, spec);
  if (spec.diskBytes > 0n) await grow(site, run, vm, Number(spec.diskBytes));
  const pending = isPending(vm);
  if ((pending && spec.allowRestart) || run.recall('restart') !== undefined) await restart(site, run, vm);
  const { cpu, memoryMib } = vm.record.spec;
  const value = {
    cpu,
    memoryBytes: BigInt(memoryMib) * BigInt(mib),
    diskBytes: BigInt((await disks.facts(disk)).bytes),
    restartRequired: isPending(vm),
  };
  return {
    outcome: Outcome.SUCCEEDED,
    effect: value.restartRequired ? Effect.PARTIAL : Effect.FULL,
    output: create(CommandOutputSchema, { output: { case: 'resized', value } }),
  };
}

function sized(found: Here, { cpu, memoryBytes }: ResizeServer): Here {
  const { spec } = found.record;
  const next = {
    ...spec,
    cpu: cpu > 0 ? cpu : spec.cpu,
    memoryMib: memoryBytes > 0n ? Math.ceil(Number(memoryBytes) / mib) : spec.memoryMib,
  };
  if (next.cpu === spec.cpu && next.memoryMib === spec.memoryMib) return found;
  const record = { ...found.record, spec: next };
  writeRecord(found.folder, record);
  return { ...found, record };
}

/** Whether the machine runs with another size than it is to have. */
function isPending({ folder, record: { spec } }: Here): boolean {
  const running = findProcess(folder);
  return running !== undefined && (running.cpu !== spec.cpu || running.memoryMib !== spec.memoryMib);
}

/** The intent is on disk before the power is cut: a crash in between leaves a machine that has to be started again. */
async function restart(site: QemuSite, run: CommandRun, vm: Here): Promise<void> {
  const known = run.intend('restart', { vmid: vm.vmid });
  if (known.observed === undefined && isPending(vm)) {
    run.progress('restart', `restarting machine ${vm.vmid}`);
    await stop(site, run, vm);
  }
  await start(site, run, vm);
  if (known.observed === undefined) run.observe('restart', { vmid: vm.vmid });
}

function requireNoShrink(spec: ResizeServer, bytes: number): void {
  if (spec.diskBytes === 0n || Number(spec.diskBytes) >= bytes) return;
  throw new DecodedFailure({
    reason: 'QEMU_SHRINK',
    message: `The disk of machine ${spec.vmid} has ${bytes} bytes and can't shrink to ${spec.diskBytes}`,
    cause: 'A disk can only grow.',
    remedy: 'Ask for at least what it has, or make a new server.',
    effect: Effect.NONE,
  });
}
