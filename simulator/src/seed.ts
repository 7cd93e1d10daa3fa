import type { Cluster } from './cluster/cluster.ts';
import type { Storage } from './storage/storage.ts';
import { newVm } from './vm/vm.ts';

const GIB = 1024 ** 3;

/** What the site starts with. */
export interface Seed {
  nodes: readonly string[];
  storages: readonly Storage[];
  /** Fills in users, roles, pools and templates once nodes and storages are there. */
  fill: (cluster: Cluster) => void;
}

export const DEMO_TOKEN = { userid: 'truffle@pve', tokenid: 'agent' } as const;

/** What an orchestrator needs on its pool, templates, storages and bridges; nothing on `/`. */
const AGENT_ROLE = [
  'Datastore.AllocateSpace',
  'Datastore.AllocateTemplate',
  'Datastore.Audit',
  'Pool.Audit',
  'SDN.Audit',
  'SDN.Use',
  'VM.Allocate',
  'VM.Audit',
  'VM.Clone',
  'VM.Config.CDROM',
  'VM.Config.CPU',
  'VM.Config.Cloudinit',
  'VM.Config.Disk',
  'VM.Config.HWType',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.Options',
  'VM.Console',
  'VM.GuestAgent.Audit',
  'VM.GuestAgent.Unrestricted',
  'VM.Migrate',
  'VM.PowerMgmt',
  'VM.Snapshot',
  'VM.Snapshot.Rollback',
];
const NODE_ROLE = ['Sys.AccessNetwork', 'Sys.Audit'];

export function demoStorages(): Storage[] {
  const everything = ['iso', 'vztmpl', 'backup', 'snippets', 'import'];
  return [
    {
      storage: 'local',
      type: 'dir',
      path: '/var/lib/vz',
      content: everything,
      shared: false,
      total: 100 * GIB,
      enabled: true,
    },
    {
      storage: 'local-lvm',
      type: 'lvmthin',
      vgname: 'pve',
      thinpool: 'data',
      content: ['images', 'rootdir'],
      shared: false,
      total: 500 * GIB,
      enabled: true,
    },
    {
      storage: 'shared',
      type: 'nfs',
      path: '/mnt/pve/shared',
      server: '10.231.9.50',
      export: '/export/pve',
      content: ['images', 'iso', 'import', 'snippets'],
      shared: true,
      total: 8192 * GIB,
      enabled: true,
    },
  ];
}

/** Nodes `pve1`, `pve2`, … with two templates, a pool and the token an agent gets. */
export function demoSeed(nodes: readonly string[], password: string): Seed {
  return {
    nodes,
    storages: demoStorages(),
    fill: (cluster) => {
      const { access } = cluster;
      access.users['root@pam'] = { password, enable: true, expire: 0, groups: [], tokens: {} };
      access.users['truffle@pve'] = {
        enable: true,
        expire: 0,
        groups: [],
        comment: 'Truffle',
        tokens: { agent: { secret: cluster.random.uuid(), privsep: true, expire: 0, comment: 'Truffle agent' } },
      };
      access.roles['TruffleAgent'] = AGENT_ROLE;
      access.roles['TruffleNodes'] = NODE_ROLE;
      cluster.pools.set('truffle', {
        poolid: 'truffle',
        comment: 'Servers that Truffle manages',
        vms: new Set(),
        storages: new Set(),
      });
      for (const [type, ugid] of [
        ['user', 'truffle@pve'],
        ['token', 'truffle@pve!agent'],
      ] as const) {
        for (const path of ['/pool/truffle', '/storage', '/sdn/zones/localnetwork', '/vms/9000', '/vms/9001']) {
          access.acl.push({ path, type, ugid, roleid: 'TruffleAgent', propagate: true });
        }
        access.acl.push({ path: '/nodes', type, ugid, roleid: 'TruffleNodes', propagate: true });
      }
      template(cluster, 9000, 'debian-12', nodes[0] ?? 'pve1');
      template(cluster, 9001, 'ubuntu-24.04', nodes[0] ?? 'pve1');
    },
  };
}

function template(cluster: Cluster, vmid: number, name: string, node: string): void {
  const base = `shared:${vmid}/base-${vmid}-disk-0.qcow2`;
  const cloudinit = `shared:${vmid}/vm-${vmid}-cloudinit.qcow2`;
  const at = cluster.seconds();
  cluster.storages.add(
    {
      volid: base,
      storage: 'shared',
      content: 'images',
      format: 'qcow2',
      size: 3 * GIB,
      used: 1_288_490_189,
      vmid,
      ctime: at,
    },
    node,
  );
  cluster.storages.add(
    {
      volid: cloudinit,
      storage: 'shared',
      content: 'images',
      format: 'qcow2',
      size: 4 * 1024 ** 2,
      used: 266_240,
      vmid,
      ctime: at,
    },
    node,
  );
  cluster.vms.set(
    vmid,
    newVm(vmid, node, {
      name,
      template: '1',
      agent: '1',
      boot: 'order=scsi0',
      cores: '2',
      cpu: 'x86-64-v2-AES',
      memory: '2048',
      ostype: 'l26',
      scsihw: 'virtio-scsi-single',
      serial0: 'socket',
      vga: 'serial0',
      scsi0: `${base},size=3G`,
      ide2: `${cloudinit},media=cdrom,size=4M`,
      ipconfig0: 'ip=dhcp',
      net0: `virtio=${cluster.random.mac()},bridge=vmbr0`,
      smbios1: `uuid=${cluster.random.uuid()}`,
      vmgenid: cluster.random.uuid(),
      meta: `creation-qemu=10.1.2,ctime=${at}`,
    }),
  );
}
