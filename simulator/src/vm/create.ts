import { type Call, flag, text, vmid } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { HalfDone, PermissionError, RunError } from '../errors.ts';
import type { TaskRun } from '../task/task.ts';
import { requireBridges } from './bridge.ts';
import { clonesOf, freeVolumes } from './disk.ts';
import { forget } from './clone.ts';
import { drives, isCdrom, isDisk, isDriveKey } from './drive.ts';
import { startGuest } from './power.ts';
import { apply, optionsOf, requireDriveRights, requireOptionRights } from './update.ts';
import { type Config, type Vm, isTemplate, newVm, requireUnlocked } from './vm.ts';

/** The QEMU version a new guest remembers. */
export const QEMU_VERSION = '10.1.2';

/** POST …/qemu: reserves the id at once, makes disks in a task. */
export function create(call: Call): string {
  const { cluster, node } = call;
  const id = vmid(call);
  const pool = text(call, 'pool');
  if (pool !== undefined && !cluster.pools.has(pool)) throw new PermissionError(`pool '${pool}' does not exist`);
  const allowed =
    cluster.access.has(call.user, `/vms/${id}`, ['VM.Allocate']) ||
    (pool !== undefined && cluster.access.has(call.user, `/pool/${pool}`, ['VM.Allocate']));
  if (!allowed) throw new PermissionError();
  if (text(call, 'archive') !== undefined) throw new RunError('restore from an archive is not part of this simulator');
  const options = optionsOf(call);
  requireDriveRights(cluster, call.user, options);
  requireOptionRights(
    cluster,
    call.user,
    id,
    Object.keys(options),
    options,
    pool === undefined ? undefined : `/pool/${pool}`,
  );
  requireBridges(cluster, call.user, options);
  const taken = cluster.nodeOf(id);
  if (taken !== undefined) throw new RunError(`unable to create VM ${id} - VM ${id} already exists on node '${taken}'`);
  const vm = newVm(id, node, { lock: 'create' });
  cluster.vms.set(id, vm);
  return cluster.tasks.fork(node, 'qmcreate', id, call.user, (run) =>
    cluster.flocks.with(id, () => build(cluster, run, vm, options, { pool, start: flag(call, 'start') })),
  );
}

async function build(
  cluster: Cluster,
  run: TaskRun,
  vm: Vm,
  options: Config,
  extra: { pool: string | undefined; start: boolean },
): Promise<void> {
  const { vmid: id } = vm;
  try {
    const storeid = storageOf(options);
    const half = cluster.faults.take('storage-lock', {
      vmid: id,
      ...(storeid === undefined ? {} : { storage: storeid }),
    });
    const disks = Object.entries(options)
      .filter(([key]) => isDriveKey(key))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const sorted = Object.fromEntries([...Object.entries(options).filter(([key]) => !isDriveKey(key)), ...disks]);
    if (half !== undefined) {
      vm.config = {
        ...Object.fromEntries(Object.entries(options).filter(([key]) => !isDriveKey(key))),
        lock: 'create',
      };
      cluster.changed();
      throw new HalfDone(`cfs-lock 'storage-${storeid ?? 'shared'}' error: got lock request timeout`);
    }
    apply(cluster, vm, { set: sorted, remove: [], revert: [] }, (line) => run.say(line));
    if (storeid !== undefined) await cluster.clock.sleep(cluster.timing.diskMs);
  } catch (error) {
    if (!(error instanceof HalfDone)) {
      freeVolumes(cluster, vm, drives(vm.config));
      forget(cluster, id);
    }
    throw new RunError(`unable to create VM ${id} - ${error instanceof Error ? error.message : String(error)}`);
  }
  vm.config['smbios1'] ??= `uuid=${cluster.random.uuid()}`;
  vm.config['vmgenid'] ??= cluster.random.uuid();
  vm.config['meta'] ??= `creation-qemu=${QEMU_VERSION},ctime=${cluster.seconds()}`;
  const boot = defaultBoot(vm.config);
  if (boot !== undefined) vm.config['boot'] ??= boot;
  delete vm.config['lock'];
  if (extra.pool !== undefined) cluster.pools.get(extra.pool)?.vms.add(id);
  cluster.changed();
  if (extra.start) await startGuest(cluster, vm, run);
}

function storageOf(options: Config): string | undefined {
  const disk = Object.entries(options).find(([key, value]) => isDriveKey(key) && /^[^:,]+:/.test(value));
  return disk?.[1].split(':')[0];
}

function defaultBoot(config: Config): string | undefined {
  const all = drives(config);
  const disk = all.find((drive) => isDisk(drive));
  const cdrom = all.find(isCdrom);
  const net = Object.keys(config)
    .filter((key) => /^net\d+$/.test(key))
    .sort()[0];
  const order = [disk?.key, cdrom?.key, net].filter((key) => key !== undefined);
  return order.length === 0 ? undefined : `order=${order.join(';')}`;
}

/** DELETE …/qemu/{vmid}: refuses at once what runs or is protected, removes in a task. */
export function destroy(call: Call): string {
  const { cluster, node } = call;
  const vm = cluster.vm(vmid(call), node);
  const refuse = (): void => {
    if (!flag(call, 'skiplock')) requireUnlocked(vm);
    if (vm.config['protection'] === '1') throw new RunError(`can't remove VM ${vm.vmid} - protection mode enabled`);
    if (vm.running !== undefined) throw new RunError(`VM ${vm.vmid} is running - destroy failed`);
  };
  if (vm.config['protection'] === '1' || vm.running !== undefined) refuse();
  if (cluster.ha.resources.has(vm.vmid) && !flag(call, 'purge'))
    throw new RunError(`unable to remove VM ${vm.vmid} - used in HA resources and purge parameter not set.`);
  return cluster.tasks.fork(node, 'qmdestroy', vm.vmid, call.user, (run) =>
    cluster.flocks.with(vm.vmid, () => {
      if (cluster.vms.get(vm.vmid) !== vm)
        throw new RunError(`Configuration file 'nodes/${node}/qemu-server/${vm.vmid}.conf' does not exist`);
      refuse();
      remove(cluster, vm, run, flag(call, 'destroy-unreferenced-disks'), flag(call, 'purge'));
    }),
  );
}

function remove(cluster: Cluster, vm: Vm, run: TaskRun, unreferenced: boolean, purge: boolean): void {
  const own = drives(vm.config);
  if (isTemplate(vm)) {
    for (const drive of own) {
      if (clonesOf(cluster, drive.file) !== undefined)
        throw new RunError(`base volume '${drive.file}' is still in use by linked cloned`);
    }
  }
  freeVolumes(cluster, vm, own);
  for (const snapshot of Object.values(vm.snapshots)) freeVolumes(cluster, vm, drives(snapshot.config));
  if (unreferenced) {
    for (const volume of cluster.storages.volumes.values()) {
      if (volume.vmid !== vm.vmid || volume.content !== 'images' || (volume.node ?? vm.node) !== vm.node) continue;
      if (cluster.storages.remove(volume.volid, vm.node))
        run.say(`found unreferenced volume '${volume.volid}', removing it`);
    }
  }
  if (purge) {
    run.say('purging VM ' + vm.vmid + ' from related configurations..');
    cluster.ha.resources.delete(vm.vmid);
  }
  forget(cluster, vm.vmid);
}
