import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { ResizeServer } from '@truffle/api/agent/v1/server_command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { vmPath } from './api.ts';
import { change } from './change.ts';
import { grow } from './configure.ts';
import { bootDisk } from './disk.ts';
import { rowsOf, textOf } from './json.ts';
import { findOwned } from './owned.ts';
import { start, stop } from './power.ts';
import type { PveSite } from './site.ts';

/**
 * Makes a server have the given size. A disk only grows; what a running guest can't take over becomes pending, and takes effect by a
 * restart where the command allows one.
 * @throws DecodedFailure for a smaller disk, PveError, PveTaskError, or the run's signal's reason
 */
export async function resizeServer(site: PveSite, run: CommandRun, spec: ResizeServer): Promise<CommandEnd> {
  const vm = await findOwned(site, run, spec);
  requireNoShrink(spec, bootDisk(vm.config.options)?.bytes ?? 0);
  const wanted = wantedSize(spec);
  const config = await change(site, run, { node: vm.node, vmid: spec.vmid, config: vm.config }, () => wanted);
  if (spec.diskBytes > 0n) await grow(site, run, spec, vm.node, config);
  const pending = await isPending(site, run, vm.node, spec.vmid, Object.keys(wanted));
  const restarts = (pending && spec.allowRestart) || run.recall('restart') !== undefined;
  if (restarts) await restart(site, run, vm.node, spec.vmid);
  const { options } = await site.api.config(vm.node, spec.vmid, run.signal);
  const value = {
    cpu: Number(options['cores'] ?? 1) * Number(options['sockets'] ?? 1),
    memoryBytes: BigInt(Number(options['memory'] ?? 512)) * 2n ** 20n,
    diskBytes: BigInt(Math.round(bootDisk(options)?.bytes ?? 0)),
    restartRequired: pending && !restarts,
  };
  return {
    outcome: Outcome.SUCCEEDED,
    effect: value.restartRequired ? Effect.PARTIAL : Effect.FULL,
    output: create(CommandOutputSchema, { output: { case: 'resized', value } }),
  };
}

function wantedSize({ cpu, memoryBytes }: ResizeServer): Readonly<Record<string, string>> {
  return {
    ...(cpu > 0 ? { cores: String(cpu), sockets: '1' } : {}),
    ...(memoryBytes > 0n ? { memory: String(Math.ceil(Number(memoryBytes) / 2 ** 20)) } : {}),
  };
}

/** Whether something of it waits for a restart. A VM that stands still has nothing that waits. */
async function isPending(
  site: PveSite,
  run: CommandRun,
  node: string,
  vmid: number,
  keys: readonly string[],
): Promise<boolean> {
  const rows = rowsOf(await site.api.client.get(`${vmPath(node, vmid)}/pending`, {}, { node, signal: run.signal }));
  return rows.some(
    (row) => keys.includes(textOf(row, 'key')) && (row['pending'] !== undefined || row['delete'] !== undefined),
  );
}

/** The intent is on disk before the power is cut: a crash in between leaves a VM that has to be started again. */
async function restart(site: PveSite, run: CommandRun, node: string, vmid: number): Promise<void> {
  const known = run.intend('restart', { node, vmid });
  if (known.observed === undefined) {
    run.progress('restart', `restarting VM ${vmid}`);
    if (run.recall('stopped') === undefined) await stop(site, run, node, vmid);
    run.intend('stopped', { node, vmid });
  }
  await start(site, run, node, vmid);
  if (known.observed === undefined) run.observe('restart', { node });
}

function requireNoShrink(spec: ResizeServer, bytes: number): void {
  if (spec.diskBytes === 0n || Number(spec.diskBytes) >= bytes) return;
  throw new DecodedFailure({
    reason: 'PVE_SHRINK',
    message: `The disk of VM ${spec.vmid} has ${bytes} bytes and can't shrink to ${spec.diskBytes}`,
    cause: 'A disk can only grow.',
    remedy: 'Ask for at least what it has, or make a new server.',
    effect: Effect.NONE,
  });
}
