import { Effect } from '@truffle/api/agent/v1/command';
import type { MigrateServer } from '@truffle/api/agent/v1/server_command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { upidOf, vmPath } from './api.ts';
import { attempt } from './attempt.ts';
import type { Here } from './clone.ts';
import { numberOf, rowOf, rowsOf, textOf } from './json.ts';
import { locate } from './locate.ts';
import { findOwned } from './owned.ts';
import { taskOnce } from './once.ts';
import { pause } from './pause.ts';
import { placedEnd } from './placed.ts';
import type { PveSite } from './site.ts';

/** High availability only queues a migration; it may take this long. */
const queuedMs = 300_000;

/**
 * Makes a server be on the given node: live when it runs, cold when it does not.
 * @throws DecodedFailure for what stands in the way, PveError, PveTaskError, or the run's signal's reason
 */
export async function migrateServer(site: PveSite, run: CommandRun, spec: MigrateServer): Promise<CommandEnd> {
  let vm = await findOwned(site, run, spec);
  let did = run.recall('migrate') !== undefined;
  await attempt(run, {
    done: async () => {
      vm = await findOwned(site, run, spec, vm.node);
      return vm.node === spec.targetNode;
    },
    act: async (step) => {
      await requirePossible(site, run, spec, vm);
      did = true;
      const { running } = await site.api.status(vm.node, spec.vmid, run.signal);
      run.progress('migrate', `moving VM ${spec.vmid} from ${vm.node} to ${spec.targetNode}${running ? ', live' : ''}`);
      const params = {
        target: spec.targetNode,
        online: running ? 1 : undefined,
        'with-local-disks': running && spec.withLocalDisks ? 1 : undefined,
      };
      const path = `${vmPath(vm.node, spec.vmid)}/migrate`;
      const kind = { node: vm.node, types: ['qmigrate', 'hamigrate'], id: String(spec.vmid) };
      const from = vm.node;
      await taskOnce(site, run, step('migrate'), kind, async () =>
        upidOf(await site.api.client.post(path, params, { node: from, signal: run.signal }), `POST ${path}`),
      );
      await awaitNode(site, run, spec);
    },
  });
  return placedEnd(site, run, spec.targetNode, spec.vmid, did ? Effect.FULL : Effect.NONE);
}

/** Asks the hypervisor what stands in the way. @throws DecodedFailure */
async function requirePossible(site: PveSite, run: CommandRun, spec: MigrateServer, vm: Here): Promise<void> {
  const { nodes } = await site.api.resources(run.signal);
  const target = nodes.find((each) => each.node === spec.targetNode);
  if (target?.online !== true) throw noTarget(spec, target !== undefined);
  const answer = rowOf(
    await site.api.client.get(
      `${vmPath(vm.node, spec.vmid)}/migrate`,
      { target: spec.targetNode },
      { node: vm.node, signal: run.signal },
    ),
  );
  const resources = Array.isArray(answer['local_resources']) ? answer['local_resources'].map(String) : [];
  if (resources.length > 0)
    throw bound(spec, 'PVE_LOCAL_RESOURCES', resources, 'Take the node’s own devices out of the VM first.');
  const fixed = rowsOf(answer['local_disks']).filter((disk) => numberOf(disk, 'is_cloudinit') !== 1);
  const images = fixed.filter((disk) => numberOf(disk, 'cdrom') === 1).map((disk) => textOf(disk, 'volid'));
  if (images.length > 0)
    throw bound(
      spec,
      'PVE_LOCAL_STORAGE',
      images,
      'Put isoStorage of the site config on shared storage, or take the image out of the drive.',
    );
  const disks = fixed.map((disk) => textOf(disk, 'volid'));
  if (disks.length > 0 && !spec.withLocalDisks)
    throw bound(
      spec,
      'PVE_LOCAL_STORAGE',
      disks,
      'Move the disks to shared storage, or say that local disks are to be copied along.',
    );
}

async function awaitNode(site: PveSite, run: CommandRun, spec: MigrateServer): Promise<void> {
  const since = performance.now();
  for (let wait = 50; ; wait = Math.min(1_000, wait * 2)) {
    const found = await locate(site, spec.vmid, spec.targetNode, run.signal);
    if (found.state === 'here' && found.node === spec.targetNode) return;
    if (performance.now() - since > queuedMs)
      throw new DecodedFailure({
        reason: 'PVE_STATE_NOT_REACHED',
        message: `VM ${spec.vmid} did not come to ${spec.targetNode}`,
        cause: 'The task ended well and the VM did not move; high availability may keep it where it is.',
        remedy: 'Look at the VM’s HA state and rules in Proxmox VE, then try again.',
        retryable: true,
      });
    await pause(wait, run.signal);
  }
}

function noTarget({ targetNode }: MigrateServer, known: boolean): DecodedFailure {
  return new DecodedFailure({
    reason: 'PVE_NODE_UNREACHABLE',
    message: known ? `Node ${targetNode} is down` : `There is no node ${targetNode}`,
    remedy: known ? 'Bring it back, or choose another node.' : 'Choose one that the inventory lists.',
    retryable: known,
    effect: Effect.NONE,
  });
}

function bound(spec: MigrateServer, reason: string, what: readonly string[], remedy: string): DecodedFailure {
  return new DecodedFailure({
    reason,
    message: `VM ${spec.vmid} can't move to ${spec.targetNode}: ${what.join(', ')}`,
    cause: 'Only its own node has these.',
    remedy,
    parameters: { vmid: String(spec.vmid), target: spec.targetNode },
    effect: Effect.NONE,
  });
}
