import { type Call, flag, need, vmid } from '../call.ts';
import { queue } from '../ha/ha.ts';
import { ParameterError, RunError } from '../errors.ts';
import { drives, isCdrom, isCloudinit, isDisk } from './drive.ts';
import { requireUnlocked } from './vm.ts';

/** POST …/migrate */
export function migrate(call: Call): string {
  const { cluster, node } = call;
  const target = need(call, 'target');
  if (target === node) throw new ParameterError({ target: 'target is local node.' });
  if (!cluster.nodes.has(target)) throw new RunError(`no such cluster node '${target}'`);
  const vm = cluster.vm(vmid(call), node);
  requireUnlocked(vm);
  if (vm.running !== undefined && !flag(call, 'online'))
    throw new ParameterError({ online: "can't migrate running VM without --online" });
  const local = drives(vm.config).filter(
    (drive) => isDisk(drive) && !cluster.storages.get(drive.file.split(':')[0] ?? '').shared,
  );
  if (vm.running !== undefined && local.length > 0 && !flag(call, 'with-local-disks')) {
    throw new RunError("can't live migrate VM with local disks without --with-local-disks");
  }
  if (cluster.ha.manages(vm.vmid))
    return cluster.tasks.fork(node, 'hamigrate', vm.vmid, call.user, (run) =>
      queue(cluster, vm, run, 'migrated', () => {
        vm.node = target;
      }),
    );
  return cluster.tasks.fork(node, 'qmigrate', vm.vmid, call.user, (run) =>
    cluster.flocks.with(vm.vmid, async () => {
      requireUnlocked(vm);
      if (cluster.nodes.get(target)?.online !== true)
        throw new RunError(`migration aborted: can't connect to node '${target}': No route to host`);
      run.say(`starting migration of VM ${vm.vmid} to node '${target}' (${cluster.nodes.get(target)?.ip ?? ''})`);
      vm.config['lock'] = 'migrate';
      await cluster.clock.sleep(cluster.timing.cloneMs);
      delete vm.config['lock'];
      for (const drive of drives(vm.config)) {
        const volume = cluster.storages.volume(drive.file, node);
        if (volume === undefined || volume.node === undefined) continue;
        cluster.storages.remove(drive.file, node);
        cluster.storages.add(volume, target);
      }
      vm.node = target;
      run.say('migration finished successfully (duration 00:00:01)');
      cluster.changed();
    }),
  );
}

/** GET …/migrate: what stands in the way. */
export function preconditions(call: Call): unknown {
  const { cluster, node } = call;
  const vm = cluster.vm(vmid(call), node);
  const local = drives(vm.config).flatMap((drive) => {
    const volume = cluster.storages.volume(drive.file, node);
    const shared = cluster.storages.byName.get(drive.file.split(':')[0] ?? '')?.shared === true;
    if (volume === undefined || shared) return [];
    const base = {
      drivename: drive.key,
      volid: drive.file,
      cdrom: isCdrom(drive) ? 1 : 0,
      shared: 0,
      replicate: 1,
      is_attached: 1,
      is_cloudinit: isCloudinit(drive) ? 1 : 0,
      is_tpmstate: 0,
      is_unused: 0,
      is_vmstate: 0,
    };
    return [isCdrom(drive) ? base : { ...base, size: volume.size }];
  });
  return {
    running: vm.running === undefined ? 0 : 1,
    local_disks: local,
    local_resources: [],
    'mapped-resources': [],
    'mapped-resource-info': {},
    'has-dbus-vmstate': 1,
    allowed_nodes: [...cluster.nodes.keys()].filter((one) => one !== node),
    not_allowed_nodes: {},
  };
}
