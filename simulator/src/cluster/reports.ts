import { resource } from '../vm/status.ts';
import type { Cluster } from './cluster.ts';

/** What nodes told the cluster about their guests; lists show it, not the truth. */
export class Reports {
  private vmRows: Record<string, unknown>[] | undefined;

  /** Whether any node has reported yet. */
  ready(cluster: Cluster): boolean {
    return this.vmRows !== undefined || cluster.timing.statusIntervalMs === 0;
  }

  /** Takes down what every guest is like now: done every `statusIntervalMs`. */
  broadcast(cluster: Cluster): void {
    this.vmRows = rowsOf(cluster);
  }

  vms(cluster: Cluster): Record<string, unknown>[] {
    if (cluster.timing.statusIntervalMs === 0) return rowsOf(cluster);
    return [...cluster.vms.values()].map((vm) => {
      const row = this.vmRows?.find((one) => one['vmid'] === vm.vmid);
      if (row !== undefined) return row;
      return {
        id: `qemu/${vm.vmid}`,
        type: 'qemu',
        vmid: vm.vmid,
        node: vm.node,
        status: 'unknown',
        ...(vm.config['tags'] === undefined ? {} : { tags: vm.config['tags'] }),
      };
    });
  }

  node(
    cluster: Cluster,
    node: { name: string; online: boolean },
    summary: Record<string, unknown>,
  ): Record<string, unknown> {
    const base = { id: `node/${node.name}`, type: 'node', node: node.name };
    if (!this.ready(cluster)) return { ...base, status: 'unknown' };
    return { ...base, ...summary, status: node.online ? 'online' : 'offline' };
  }
}

function rowsOf(cluster: Cluster): Record<string, unknown>[] {
  return [...cluster.vms.values()].map((vm) => resource(cluster, vm, cluster.access.poolOf(vm.vmid)));
}
