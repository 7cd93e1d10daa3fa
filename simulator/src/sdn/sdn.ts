import type { Cluster } from '../cluster/cluster.ts';
import { readCard } from '../vm/bridge.ts';

/** A virtual network whose addresses the cluster's own IPAM gives out. */
export interface Vnet {
  zone: string;
  subnet: string;
}

/** An address that a guest of a virtual network was given. */
export interface Lease {
  zone: string;
  subnet: string;
  vnet: string;
  ip: string;
  mac: string;
  vmid: number;
  hostname: string;
}

/** Adds a virtual network, as a bridge on every node. */
export function addVnet(cluster: Cluster, name: string, vnet: Vnet): void {
  cluster.vnets.set(name, vnet);
  for (const node of cluster.nodes.values()) node.bridges.push(name);
}

/** What the IPAM has mapped: the cards of guests that were started on a virtual network. */
export function leases(cluster: Cluster): Lease[] {
  return cards(cluster).flatMap(({ vmid, name, bridge, mac, address }) => {
    const vnet = cluster.vnets.get(bridge);
    if (vnet === undefined || cluster.faults.peek('lease-unknown', { vmid }) !== undefined) return [];
    return [{ ...vnet, vnet: bridge, ip: address, mac: mac.toUpperCase(), vmid, hostname: name }];
  });
}

/** `/proc/net/arp` of a host that is in one network with the guests. */
export function neighbourTable(cluster: Cluster): string {
  const rows = cards(cluster).map(({ vmid, mac, address }) => {
    const silent = cluster.faults.peek('neighbour-silent', { vmid }) !== undefined;
    const [flags, hardware] = silent ? ['0x0', '00:00:00:00:00:00'] : ['0x2', mac.toLowerCase()];
    return `${address.padEnd(16)} 0x1         ${flags}         ${hardware}     *        eth0`;
  });
  return `${['IP address       HW type     Flags       HW address            Mask     Device', ...rows].join('\n')}\n`;
}

function cards(cluster: Cluster) {
  return [...cluster.vms.values()].flatMap((vm) =>
    (cluster.guests.get(vm.vmid)?.cards ?? []).flatMap(({ mac, address }, at) => {
      const { bridge = '' } = readCard(vm.config[`net${at}`] ?? '');
      return address === undefined ? [] : [{ vmid: vm.vmid, name: vm.config['name'] ?? '', bridge, mac, address }];
    }),
  );
}
