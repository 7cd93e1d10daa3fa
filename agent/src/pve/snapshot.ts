import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { DeleteSnapshot, SnapshotServer } from '@truffle/api/agent/v1/server_command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { upidOf, vmPath } from './api.ts';
import { attempt } from './attempt.ts';
import { numberOf, rowsOf, textOf } from './json.ts';
import { findOwned } from './owned.ts';
import { taskOnce } from './once.ts';
import { pause } from './pause.ts';
import type { PveSite } from './site.ts';

/** A snapshot as the hypervisor lists it. */
interface SnapshotRow {
  readonly name: string;
  /** Unix seconds. */
  readonly madeAt: number;
  /** False while it is being made or removed, and for what is left of one that failed. */
  readonly whole: boolean;
}

/** The snapshot that a command makes; at most 40 characters, as the hypervisor wants. */
export const snapshotName = (commandId: string): string => `tf-${commandId}`;

/**
 * Makes the command's snapshot exist. It is named after the command, so running again finds it.
 * @throws PveError, PveTaskError, DecodedFailure, or the run's signal's reason
 */
export async function snapshotServer(site: PveSite, run: CommandRun, spec: SnapshotServer): Promise<CommandEnd> {
  const name = snapshotName(run.commandId);
  let vm = await findOwned(site, run, spec);
  let made: SnapshotRow | undefined;
  await attempt(run, {
    done: async () => {
      vm = await findOwned(site, run, spec, vm.node);
      made = await findSnapshot(site, vm.node, spec.vmid, name, run.signal);
      return made?.whole === true;
    },
    act: async (step) => {
      if (made !== undefined) await removeSnapshot(site, run, step('clean'), vm.node, spec.vmid, name, true);
      const { running } = await site.api.status(vm.node, spec.vmid, run.signal);
      run.progress('snapshot', `taking the snapshot ${name} of VM ${spec.vmid}`);
      const path = `${vmPath(vm.node, spec.vmid)}/snapshot`;
      const params = {
        snapname: name,
        description: run.commandId,
        vmstate: spec.includeMemory && running ? 1 : undefined,
      };
      const kind = { node: vm.node, types: ['qmsnapshot'], id: String(spec.vmid) };
      await taskOnce(site, run, step('snapshot'), kind, async () =>
        upidOf(await site.api.client.post(path, params, { node: vm.node, signal: run.signal }), `POST ${path}`),
      );
      made = await findSnapshot(site, vm.node, spec.vmid, name, run.signal);
    },
  });
  const value = { name, madeAt: BigInt(made?.madeAt ?? 0) };
  return {
    outcome: Outcome.SUCCEEDED,
    effect: Effect.FULL,
    output: create(CommandOutputSchema, { output: { case: 'snapshot', value } }),
  };
}

/**
 * Makes one of our snapshots be gone. Absent is done already, once nothing is at work that may still make it: the command that was to make it
 * may have been stopped before it heard from the hypervisor.
 * @throws as `snapshotServer`
 */
export async function deleteSnapshot(site: PveSite, run: CommandRun, spec: DeleteSnapshot): Promise<CommandEnd> {
  requireOurName(spec.snapshot);
  let vm = await findOwned(site, run, spec);
  let found: SnapshotRow | undefined;
  let did = run.recall('delete') !== undefined;
  await attempt(run, {
    done: async () => {
      if (!did) await awaitMade(site, run, vm.node, spec);
      vm = await findOwned(site, run, spec, vm.node);
      found = await findSnapshot(site, vm.node, spec.vmid, spec.snapshot, run.signal);
      return found === undefined;
    },
    act: async (step) => {
      did = true;
      run.progress('delete', `removing the snapshot ${spec.snapshot} of VM ${spec.vmid}`);
      const force = found?.whole === false;
      await removeSnapshot(site, run, step('delete'), vm.node, spec.vmid, spec.snapshot, force);
    },
  });
  return { outcome: Outcome.SUCCEEDED, effect: did ? Effect.FULL : Effect.NONE };
}

/** Waits until the snapshot shows, or a call whose reply was lost would have shown its effect and no task is making one. */
async function awaitMade(site: PveSite, run: CommandRun, node: string, spec: DeleteSnapshot): Promise<void> {
  const since = performance.now();
  for (;;) {
    // Asked in this order: a task that ends in between has made its snapshot before it is looked for.
    const tasks = await site.api.tasks(node, { vmid: spec.vmid }, run.signal);
    if ((await findSnapshot(site, node, spec.vmid, spec.snapshot, run.signal)) !== undefined) return;
    const making = tasks.some((task) => task.type === 'qmsnapshot' && task.running);
    if (!making && performance.now() - since > site.waits.lostReplyMs) return;
    run.progress('delete', making ? 'waiting for the snapshot that is being made' : 'looking for the snapshot');
    await pause(250, run.signal);
  }
}

/** Only what a command made may be touched by one. @throws DecodedFailure */
export function requireOurName(snapshot: string): void {
  if (/^tf-cmd_[0-9a-z]+$/.test(snapshot)) return;
  throw new DecodedFailure({
    reason: 'PVE_SNAPSHOT_FOREIGN',
    message: `The snapshot ${snapshot} was not made by a command`,
    cause: 'Snapshots that people or backups make are theirs.',
    remedy: 'Name one that SnapshotServer made (tf-cmd_…), or use Proxmox VE itself.',
    effect: Effect.NONE,
  });
}

/** The snapshot of that name; undefined when there is none. @throws PveError */
export async function findSnapshot(
  site: PveSite,
  node: string,
  vmid: number,
  name: string,
  signal: AbortSignal,
): Promise<SnapshotRow | undefined> {
  const rows = rowsOf(await site.api.client.get(`${vmPath(node, vmid)}/snapshot`, {}, { node, signal }));
  const row = rows.find((each) => textOf(each, 'name') === name);
  if (row === undefined) return undefined;
  return { name, madeAt: numberOf(row, 'snaptime'), whole: textOf(row, 'snapstate') === '' };
}

/** @param force for what is left of one that failed */
async function removeSnapshot(
  site: PveSite,
  run: CommandRun,
  step: string,
  node: string,
  vmid: number,
  name: string,
  force: boolean,
): Promise<void> {
  const path = `${vmPath(node, vmid)}/snapshot/${encodeURIComponent(name)}`;
  const kind = { node, types: ['qmdelsnapshot'], id: String(vmid) };
  await taskOnce(site, run, step, kind, async () =>
    upidOf(
      await site.api.client.delete(path, { force: force ? 1 : undefined }, { node, signal: run.signal }),
      `DELETE ${path}`,
    ),
  );
}
