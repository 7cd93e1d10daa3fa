import type { Call, Routes } from '../call.ts';
import type { Node } from '../cluster/cluster.ts';
import { RunError } from '../errors.ts';
import { CPU_MODELS } from './cpu-models.ts';
import { fingerprint, nodeStatus, nodeSummary, versionOf } from './node.ts';

const EMPTY_SHA1 = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';
const NODE_INDEX = [
  'aplinfo',
  'apt',
  'capabilities',
  'ceph',
  'certificates',
  'config',
  'disks',
  'dns',
  'firewall',
  'hardware',
  'hosts',
  'journal',
  'lxc',
  'migrateall',
  'netstat',
  'network',
  'qemu',
  'query-oci-repo-tags',
  'query-url-metadata',
  'replication',
  'report',
  'rrd',
  'rrddata',
  'scan',
  'sdn',
  'services',
  'spiceshell',
  'startall',
  'status',
  'stopall',
  'storage',
  'subscription',
  'suspendall',
  'syslog',
  'tasks',
  'termproxy',
  'time',
  'version',
  'vncshell',
  'vzdump',
  'wakeonlan',
];

function nodeOf(call: Call): Node {
  const node = call.cluster.nodes.get(call.node);
  if (node === undefined) throw new RunError(`no such cluster node '${call.node}'`);
  return node;
}

function list(call: Call): unknown {
  const { cluster, user } = call;
  return [...cluster.nodes.values()].map((node) => ({
    ...cluster.reports.node(
      cluster,
      node,
      nodeSummary(cluster, node, cluster.access.has(user, `/nodes/${node.name}`, ['Sys.Audit'])),
    ),
    ssl_fingerprint: fingerprint(node),
  }));
}

function bridge(node: Node, iface: string): Record<string, unknown> {
  return {
    iface,
    type: 'bridge',
    method: 'static',
    method6: 'manual',
    address: node.ip,
    netmask: '24',
    cidr: `${node.ip}/24`,
    bridge_ports: '',
    bridge_stp: 'off',
    bridge_fd: '0',
    priority: 3,
    active: 1,
    autostart: 1,
    families: ['inet'],
  };
}

function network(call: Call): unknown {
  const { cluster, user } = call;
  const node = nodeOf(call);
  const visible = (iface: string): boolean =>
    cluster.access.has(user, `/nodes/${node.name}`, ['Sys.Audit']) ||
    cluster.access.has(user, `/sdn/zones/localnetwork/${iface}`, ['SDN.Audit', 'SDN.Use'], true);
  return node.bridges.filter(visible).map((iface) => bridge(node, iface));
}

function container(call: Call): Record<string, string> {
  const vmid = Number(call.params['vmid']);
  const one = call.cluster.containers.get(vmid);
  if (one === undefined || one.node !== call.node)
    throw new RunError(`Configuration file 'nodes/${call.node}/lxc/${vmid}.conf' does not exist`);
  return one.config;
}

/** Containers only as far as probing clients go: none can be made, since no template for one exists. */
function createContainer(call: Call): string {
  const { cluster, node, user } = call;
  const vmid = Number(call.params['vmid']);
  const taken = cluster.nodeOf(vmid);
  if (taken !== undefined) throw new RunError(`CT ${vmid} already exists on node '${taken}'`);
  cluster.containers.set(vmid, { node, config: { lock: 'create' } });
  return cluster.tasks.fork(node, 'vzcreate', vmid, user, () => {
    cluster.containers.delete(vmid);
    throw new RunError(`unable to create CT ${vmid} - volume '${String(call.params['ostemplate'])}' does not exist`);
  });
}

export const nodeRoutes: Routes = {
  'GET /version': (call) => versionOf(call.cluster),
  'GET /nodes': list,
  'GET /nodes/{node}': () => NODE_INDEX.map((name) => ({ name })),
  'GET /nodes/{node}/status': (call) => nodeStatus(call.cluster, nodeOf(call)),
  'GET /nodes/{node}/version': (call) => versionOf(call.cluster),
  'GET /nodes/{node}/time': (call) => ({
    timezone: 'Etc/UTC',
    time: call.cluster.seconds(),
    localtime: call.cluster.seconds(),
  }),
  'GET /nodes/{node}/dns': () => ({ dns1: '10.255.255.53' }),
  'GET /nodes/{node}/network': network,
  'GET /nodes/{node}/network/{iface}': (call) => {
    const node = nodeOf(call);
    const iface = String(call.params['iface']);
    if (!node.bridges.includes(iface)) throw new RunError('interface does not exist');
    const { iface: _iface, ...rest } = bridge(node, iface);
    return rest;
  },
  'GET /nodes/{node}/aplinfo': () => [],
  'GET /nodes/{node}/capabilities/qemu/cpu': () =>
    CPU_MODELS.map(([name, vendor]) => ({
      name,
      vendor,
      custom: 0,
      ...(name.startsWith('x86-64-v') ? { abstract: 1 } : {}),
    })),
  'GET /nodes/{node}/capabilities/qemu/machines': () =>
    ['10.1', '10.0', '9.2', '9.0', '8.2', '8.1', '7.2'].flatMap((version) => [
      { id: `pc-i440fx-${version}`, type: 'i440fx', version },
      { id: `pc-q35-${version}`, type: 'q35', version },
    ]),
  'GET /nodes/{node}/firewall/options': () => ({ digest: EMPTY_SHA1 }),
  'GET /nodes/{node}/lxc': () => [],
  'POST /nodes/{node}/lxc': createContainer,
  'GET /nodes/{node}/lxc/{vmid}/config': (call) => ({ ...container(call), digest: EMPTY_SHA1 }),
};
