import { type Call, flag, need, text, vmid } from '../call.ts';
import { RunError } from '../errors.ts';
import { drives, isDisk } from './drive.ts';
import { typed } from './config.ts';
import { type Vm, digest, isTemplate, requireUnlocked } from './vm.ts';

/** How long a slow snapshot takes, in ms. */
const SLOW_MS = 1_000;

function snapshotOf(vm: Vm, name: string): NonNullable<Vm['snapshots'][string]> {
  const snapshot = vm.snapshots[name];
  if (snapshot === undefined) throw new RunError(`snapshot '${name}' does not exist`);
  return snapshot;
}

export function listSnapshots(call: Call): unknown {
  const vm = call.cluster.vm(vmid(call), call.node);
  const saved = Object.entries(vm.snapshots).map(([name, one]) => ({
    name,
    description: one.description,
    snaptime: one.snaptime,
    vmstate: one.vmstate ? 1 : 0,
    ...(one.parent === undefined ? {} : { parent: one.parent }),
    ...(one.snapstate === undefined ? {} : { snapstate: one.snapstate }),
  }));
  const parent = vm.config['parent'];
  const here = {
    name: 'current',
    description: 'You are here!',
    digest: digest(vm),
    running: vm.running === undefined ? 0 : 1,
  };
  return [...saved, { ...here, ...(parent === undefined ? {} : { parent }) }];
}

/** POST …/snapshot: only the name is judged at once. */
export function takeSnapshot(call: Call): string {
  const { cluster, node } = call;
  const name = need(call, 'snapname');
  if (name === 'current') throw new RunError("unable to use snapshot name 'current' (reserved name)");
  if (name === 'pending') throw new RunError("unable to use snapshot name 'pending' (reserved name)");
  return cluster.tasks.fork(node, 'qmsnapshot', vmid(call), call.user, (run) =>
    cluster.flocks.with(vmid(call), async () => {
      const vm = cluster.vm(vmid(call), node);
      if (isTemplate(vm)) throw new RunError("you can't take a snapshot if it's a template");
      requireUnlocked(vm);
      if (vm.snapshots[name] !== undefined) throw new RunError(`snapshot name '${name}' already used`);
      vm.config['lock'] = 'snapshot';
      const { lock: _lock, description: _description, parent, ...config } = vm.config;
      vm.snapshots[name] = {
        config,
        description: text(call, 'description') ?? '',
        snaptime: cluster.seconds(),
        vmstate: flag(call, 'vmstate'),
        snapstate: 'prepare',
        ...(parent === undefined ? {} : { parent }),
      };
      const fault = cluster.faults.take('snapshot-breaks', { vmid: vm.vmid });
      if (fault !== undefined) {
        run.say(`VM ${vm.vmid} qmp command 'savevm-end' failed - The command savevm-end has not been found`);
        throw new RunError(
          fault.text ?? `VM ${vm.vmid} qmp command 'query-savevm' failed - The command query-savevm has not been found`,
        );
      }
      for (const drive of drives(vm.config))
        if (isDisk(drive)) run.say(`snapshotting 'drive-${drive.key}' (${drive.file})`);
      const slow = cluster.faults.take('snapshot-slow', { vmid: vm.vmid });
      await cluster.clock.sleep(slow === undefined ? cluster.timing.diskMs : Number(slow.text ?? SLOW_MS));
      try {
        run.checkStopped();
      } catch (error) {
        // An interrupted worker takes away what it began before it ends.
        delete vm.snapshots[name];
        delete vm.config['lock'];
        throw error;
      }
      await cluster.guests.machines?.snapshot(vm.vmid, name, flag(call, 'vmstate'));
      delete vm.snapshots[name].snapstate;
      delete vm.config['lock'];
      vm.config['parent'] = name;
      cluster.changed();
    }),
  );
}

export function deleteSnapshot(call: Call): string {
  const { cluster, node } = call;
  const name = need(call, 'snapname');
  return cluster.tasks.fork(node, 'qmdelsnapshot', vmid(call), call.user, () =>
    cluster.flocks.with(vmid(call), async () => {
      const vm = cluster.vm(vmid(call), node);
      const gone = snapshotOf(vm, name);
      // `force` is about disks that are not there; a lock it minds like all others.
      requireUnlocked(vm);
      vm.config['lock'] = 'snapshot-delete';
      gone.snapstate = 'delete';
      const fault = cluster.faults.take('snapshot-breaks', { vmid: vm.vmid });
      if (fault !== undefined) throw new RunError(fault.text ?? 'zfs error: could not find any snapshots to destroy');
      await cluster.clock.sleep(cluster.timing.diskMs);
      await cluster.guests.machines?.deleteSnapshot(vm.vmid, name);
      for (const one of Object.values(vm.snapshots)) if (one.parent === name) reparent(one, gone.parent);
      if (vm.config['parent'] === name) {
        if (gone.parent === undefined) delete vm.config['parent'];
        else vm.config['parent'] = gone.parent;
      }
      delete vm.snapshots[name];
      delete vm.config['lock'];
      cluster.changed();
    }),
  );
}

function reparent(one: { parent?: string }, parent: string | undefined): void {
  if (parent === undefined) delete one.parent;
  else one.parent = parent;
}

export function rollback(call: Call): string {
  const { cluster, node } = call;
  const name = need(call, 'snapname');
  return cluster.tasks.fork(node, 'qmrollback', vmid(call), call.user, () =>
    cluster.flocks.with(vmid(call), async () => {
      const vm = cluster.vm(vmid(call), node);
      const snapshot = snapshotOf(vm, name);
      if (snapshot.snapstate !== undefined)
        throw new RunError(`unable to rollback to incomplete snapshot (snapstate = ${snapshot.snapstate})`);
      requireUnlocked(vm);
      vm.config['lock'] = 'rollback';
      await cluster.clock.sleep(cluster.timing.diskMs);
      if (vm.running !== undefined) {
        delete vm.running;
        cluster.guests.powerOff(vm.vmid);
      }
      await cluster.guests.machines?.rollBack(vm.vmid, name);
      const { description } = vm.config;
      vm.config = {
        ...snapshot.config,
        parent: name,
        vmgenid: cluster.random.uuid(),
        ...(description === undefined ? {} : { description }),
      };
      vm.pending = {};
      vm.pendingDelete = [];
      cluster.changed();
    }),
  );
}

export function readSnapshotConfig(call: Call): unknown {
  const snapshot = snapshotOf(call.cluster.vm(vmid(call), call.node), need(call, 'snapname'));
  return {
    ...typed(snapshot.config),
    description: snapshot.description,
    snaptime: snapshot.snaptime,
    ...(snapshot.parent === undefined ? {} : { parent: snapshot.parent }),
    ...(snapshot.snapstate === undefined ? {} : { snapstate: snapshot.snapstate }),
  };
}

export function updateSnapshot(call: Call): null {
  const vm = call.cluster.vm(vmid(call), call.node);
  requireUnlocked(vm);
  const snapshot = snapshotOf(vm, need(call, 'snapname'));
  const description = text(call, 'description');
  if (description !== undefined) snapshot.description = description;
  call.cluster.changed();
  return null;
}
