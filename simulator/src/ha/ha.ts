import type { Cluster } from '../cluster/cluster.ts';
import type { TaskRun } from '../task/task.ts';
import type { Vm } from '../vm/vm.ts';

/** A guest that high availability looks after. */
export interface HaResource {
  state: 'started' | 'stopped' | 'enabled' | 'disabled' | 'ignored';
  group?: string;
  comment?: string;
}

/** What the cluster's resource manager was asked to look after, by VMID. */
export class HighAvailability {
  readonly resources = new Map<number, HaResource>();

  /** Whether power and migration of the guest go through the resource manager. */
  manages(vmid: number): boolean {
    const resource = this.resources.get(vmid);
    return resource !== undefined && resource.state !== 'ignored';
  }
}

/** The VMID of `vm:100` or `100`; undefined for what names no VM. */
export function vmidOfSid(sid: string): number | undefined {
  const found = /^(?:vm:)?(\d+)$/.exec(sid)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Only queues what is wanted, as the real task does: `act` comes `haMs` later, unless the guest is gone by then. */
export function queue(
  cluster: Cluster,
  vm: Vm,
  run: TaskRun,
  wanted: 'started' | 'stopped' | 'migrated',
  act: () => Promise<void> | void,
): void {
  const resource = cluster.ha.resources.get(vm.vmid);
  if (resource !== undefined && wanted !== 'migrated') resource.state = wanted;
  run.say(`Requesting HA: VM ${vm.vmid} is to be ${wanted}`);
  void cluster.clock.sleep(cluster.timing.haMs).then(async () => {
    if (cluster.vms.get(vm.vmid) !== vm) return;
    await act();
    cluster.changed();
  });
}
