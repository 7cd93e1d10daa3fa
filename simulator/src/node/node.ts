import { createHash } from 'node:crypto';
import type { Cluster, Node } from '../cluster/cluster.ts';
import { memoryBytes } from '../vm/vm.ts';

const REPOID = 'f6997e698c7933ea';

/** What the API says its version is. */
export function versionOf(cluster: Cluster): { version: string; release: string; repoid: string } {
  const release = cluster.version.split('.').slice(0, 2).join('.');
  return { version: cluster.version, release, repoid: REPOID };
}

/** The first number of the version. */
export function majorVersion(cluster: Cluster): number {
  return Number.parseInt(cluster.version, 10);
}

const ROOT_DISK = 270_553_174_016;
const ROOT_USED = 38_393_204_736;

/** Bytes in use on a node: its running guests and itself. */
function memoryUsed(cluster: Cluster, node: Node): number {
  const guests = [...cluster.vms.values()].filter((vm) => vm.node === node.name && vm.running !== undefined);
  return 3_714_736_128 + guests.reduce((sum, vm) => sum + Math.floor(memoryBytes(vm.config) / 4), 0);
}

function uptime(cluster: Cluster): number {
  return Math.floor(cluster.clock.now() / 1000) % 1_000_000;
}

/** A node as cluster-wide lists show it. */
export function nodeSummary(cluster: Cluster, node: Node, audit: boolean): Record<string, unknown> {
  if (!node.online || !audit) return {};
  return {
    cpu: 0.05,
    maxcpu: node.cpus,
    mem: memoryUsed(cluster, node),
    maxmem: node.memory,
    disk: ROOT_USED,
    maxdisk: ROOT_DISK,
    uptime: uptime(cluster),
    level: '',
    'cgroup-mode': 2,
  };
}

/** The fingerprint of the certificate a node shows. */
export function fingerprint(node: Node): string {
  return (
    createHash('sha256').update(`certificate of ${node.name}`).digest('hex').toUpperCase().match(/../g)?.join(':') ?? ''
  );
}

/** GET /nodes/{node}/status */
export function nodeStatus(cluster: Cluster, node: Node): Record<string, unknown> {
  const used = memoryUsed(cluster, node);
  const release = '6.17.4-2-pve';
  const version = '#1 SMP PREEMPT_DYNAMIC PMX 6.17.4-2 (2026-10-01T10:00Z)';
  return {
    uptime: uptime(cluster),
    idle: 0,
    wait: 0,
    cpu: 0.05,
    loadavg: ['0.31', '0.28', '0.25'],
    memory: { total: node.memory, used, free: node.memory - used, available: node.memory - used },
    swap: { total: 0, used: 0, free: 0 },
    ksm: { shared: 0 },
    rootfs: { total: ROOT_DISK, used: ROOT_USED, free: ROOT_DISK - ROOT_USED, avail: ROOT_DISK - ROOT_USED },
    'boot-info': { mode: 'legacy-bios' },
    kversion: `Linux ${release} ${version}`,
    'current-kernel': { sysname: 'Linux', release, version, machine: 'x86_64' },
    pveversion: `pve-manager/${cluster.version}/${REPOID}`,
    cpuinfo: {
      model: 'AMD EPYC',
      vendor: 'AuthenticAMD',
      family: '25',
      sockets: 1,
      cores: node.cpus,
      cpus: node.cpus,
      mhz: '2596.148',
      user_hz: 100,
      hvm: '1',
      flags: 'fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat svm',
    },
  };
}
