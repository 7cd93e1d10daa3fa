import { type Call, type Routes, number, text } from '../call.ts';
import { ParameterError } from '../errors.ts';
import { nodeSummary } from '../node/node.ts';

const EMPTY_SHA1 = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';
const CLUSTER_INDEX = [
  'acme',
  'backup',
  'backup-info',
  'bulk-action',
  'ceph',
  'config',
  'firewall',
  'ha',
  'jobs',
  'log',
  'mapping',
  'metrics',
  'notifications',
  'nextid',
  'options',
  'qemu',
  'replication',
  'resources',
  'status',
  'tasks',
  'sdn',
];

function status(call: Call): unknown {
  const { cluster } = call;
  const nodes = [...cluster.nodes.values()];
  const alone = nodes.length === 1;
  const first = nodes[0]?.name;
  const rows = nodes.map((node, at) => ({
    type: 'node',
    id: `node/${node.name}`,
    name: node.name,
    nodeid: alone ? 0 : at + 1,
    ip: node.ip,
    online: node.online ? 1 : 0,
    local: node.name === first ? 1 : 0,
    level: '',
  }));
  if (alone) return rows;
  return [
    {
      type: 'cluster',
      id: 'cluster',
      name: cluster.clusterName ?? '',
      version: nodes.length,
      nodes: nodes.length,
      quorate: 1,
    },
    ...rows,
  ];
}

function nextid(call: Call): string {
  const asked = number(call, 'vmid');
  if (asked !== undefined) {
    if (call.cluster.guestExists(asked)) throw new ParameterError({ vmid: `VM ${asked} already exists` });
    return String(asked);
  }
  for (let vmid = 100; ; vmid += 1) if (!call.cluster.guestExists(vmid)) return String(vmid);
}

function resources(call: Call): unknown {
  const { cluster, user } = call;
  const type = text(call, 'type');
  const wanted = (kind: string): boolean => type === undefined || type === kind;
  const rows: unknown[] = [];
  if (wanted('pool') && type === 'pool')
    for (const pool of cluster.pools.values())
      rows.push({ id: `/pool/${pool.poolid}`, pool: pool.poolid, type: 'pool' });
  if (type === undefined)
    for (const pool of cluster.pools.values())
      if (cluster.access.has(user, `/pool/${pool.poolid}`, ['Pool.Audit']))
        rows.push({ id: `/pool/${pool.poolid}`, pool: pool.poolid, type: 'pool' });
  if (wanted('vm'))
    rows.push(
      ...cluster.reports
        .vms(cluster)
        .filter((row) => cluster.access.has(user, `/vms/${Number(row['vmid'])}`, ['VM.Audit'])),
    );
  if (wanted('node'))
    for (const node of cluster.nodes.values())
      rows.push(
        cluster.reports.node(
          cluster,
          node,
          nodeSummary(cluster, node, cluster.access.has(user, `/nodes/${node.name}`, ['Sys.Audit'])),
        ),
      );
  if (wanted('storage')) rows.push(...storageRows(call));
  if (wanted('network') || type === 'sdn') {
    for (const node of cluster.nodes.keys()) {
      if (!cluster.access.has(user, '/sdn/zones/localnetwork', ['SDN.Audit', 'SDN.Use', 'SDN.Allocate'], true))
        continue;
      rows.push({
        id: `network/${node}/zone/localnetwork`,
        type: 'network',
        'network-type': 'zone',
        network: 'localnetwork',
        node,
        status: 'ok',
      });
    }
  }
  return rows;
}

function storageRows(call: Call): unknown[] {
  const { cluster, user } = call;
  return [...cluster.nodes.keys()].flatMap((node) =>
    cluster.storages
      .visible(node)
      .filter((one) => cluster.access.has(user, `/storage/${one.storage}`, ['Datastore.Audit'], true))
      .map((one) => ({
        id: `storage/${node}/${one.storage}`,
        type: 'storage',
        storage: one.storage,
        node,
        plugintype: one.type,
        shared: one.shared ? 1 : 0,
        content: one.content.join(','),
        ...(cluster.reports.ready(cluster)
          ? { status: 'available', maxdisk: one.total, disk: cluster.storages.used(one.storage, node) }
          : { status: 'unknown' }),
      })),
  );
}

export const clusterRoutes: Routes = {
  'GET /cluster': () => CLUSTER_INDEX.map((name) => ({ name })),
  'GET /cluster/status': status,
  'GET /cluster/nextid': nextid,
  'GET /cluster/resources': resources,
  'GET /cluster/options': () => ({ 'allowed-tags': [], description: '', mac_prefix: 'BC:24:11' }),
  'GET /cluster/log': (call) =>
    call.cluster.log
      .slice(-(number(call, 'max') ?? 50))
      .toReversed()
      .map((entry, at, all) => ({
        ...entry,
        uid: String(all.length - at),
        id: `${all.length - at}:pve1`,
        node: 'pve1',
        pid: 57,
      })),
  'GET /cluster/firewall/options': () => ({ digest: EMPTY_SHA1 }),
  'GET /cluster/firewall/rules': () => [],
  'GET /cluster/ha/status/current': (call) => {
    const node = [...call.cluster.nodes.keys()][0];
    return [
      { id: 'quorum', type: 'quorum', node, status: 'OK', quorate: 1 },
      { id: 'fencing', type: 'fencing', node, status: 'standby (CRM watchdog standby)', 'armed-state': 'standby' },
    ];
  },
};
