import { type Call, flag, text, vmid } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { bootDiskSize } from './drive.ts';
import { type Vm, cpuCount, isTemplate, memoryBytes } from './vm.ts';

const PRESSURES = [
  'pressurecpufull',
  'pressurecpusome',
  'pressureiofull',
  'pressureiosome',
  'pressurememoryfull',
  'pressurememorysome',
];

/** A guest as GET …/qemu lists it. */
export function listed(cluster: Cluster, vm: Vm, full: boolean): Record<string, unknown> {
  const { config, running } = vm;
  const uptime = running === undefined ? 0 : Math.floor((cluster.clock.now() - running.startedAt) / 1000);
  return {
    vmid: vm.vmid,
    name: config['name'] ?? `VM ${vm.vmid}`,
    status: running === undefined ? 'stopped' : 'running',
    cpus: cpuCount(config),
    maxmem: memoryBytes(config),
    maxdisk: bootDiskSize(config),
    cpu: 0,
    mem: running === undefined ? 0 : Math.floor(memoryBytes(config) / 4),
    memhost: 0,
    disk: 0,
    netin: 0,
    netout: 0,
    uptime,
    ...(running === undefined ? {} : { pid: running.pid, ...Object.fromEntries(PRESSURES.map((key) => [key, 0])) }),
    ...(isTemplate(vm) ? { template: 1 } : {}),
    ...(config['tags'] === undefined ? {} : { tags: config['tags'] }),
    ...(config['lock'] === undefined ? {} : { lock: config['lock'] }),
    ...(full ? { qmpstatus: running === undefined ? 'stopped' : running.paused ? 'paused' : 'running' } : {}),
  };
}

/** GET …/qemu: what the account may see. */
export function list(call: Call): unknown {
  const { cluster, node, user } = call;
  return [...cluster.vms.values()]
    .filter((vm) => vm.node === node && cluster.access.has(user, `/vms/${vm.vmid}`, ['VM.Audit']))
    .map((vm) => listed(cluster, vm, flag(call, 'full')));
}

/** GET …/status/current */
export function current(call: Call): unknown {
  const { cluster } = call;
  const vm = cluster.vm(vmid(call), call.node);
  return {
    ...listed(cluster, vm, true),
    ha: { managed: cluster.ha.manages(vm.vmid) ? 1 : 0 },
    ...(vm.config['agent']?.startsWith('1') === true ? { agent: 1 } : {}),
    ...(vm.config['vga']?.startsWith('qxl') === true ? { spice: 1 } : {}),
  };
}

/** A guest as cluster-wide lists show it. */
export function resource(cluster: Cluster, vm: Vm, pool: string | undefined): Record<string, unknown> {
  const { cpus, pid: _pid, qmpstatus: _qmp, ...rest } = listed(cluster, vm, false);
  const plain = Object.fromEntries(Object.entries(rest).filter(([key]) => !PRESSURES.includes(key)));
  return {
    ...plain,
    id: `qemu/${vm.vmid}`,
    type: 'qemu',
    node: vm.node,
    maxcpu: cpus,
    template: isTemplate(vm) ? 1 : 0,
    diskread: 0,
    diskwrite: 0,
    ...(pool === undefined ? {} : { pool }),
  };
}

/** GET …/rrddata: an hour of empty minutes. */
export function rrddata(call: Call): unknown {
  call.cluster.vm(vmid(call), call.node);
  const step =
    { hour: 60, day: 1800, week: 10_800, month: 43_200, year: 604_800 }[text(call, 'timeframe') ?? 'hour'] ?? 60;
  const end = Math.floor(call.cluster.seconds() / step) * step;
  return Array.from({ length: 60 }, (_, at) => ({ time: end - (59 - at) * step }));
}
