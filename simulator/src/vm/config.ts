import { type Call, flag, text, vmid } from '../call.ts';
import { METHODS, property } from '../schema/table.ts';
import { RunError } from '../errors.ts';
import { type Config, type Vm, digest, withPending } from './vm.ts';

const CONFIG_METHOD = METHODS.get('PUT /nodes/{node}/qemu/{vmid}/config');

/** Options as the API sends them: integers and booleans as numbers, the rest (memory and agent too) as text. */
export function typed(config: Config): Record<string, string | number> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, typedValue(key, value)]));
}

function typedValue(key: string, value: string): string | number {
  if (key === 'cipassword') return '**********';
  const schema = CONFIG_METHOD === undefined ? undefined : property(CONFIG_METHOD, key);
  return schema?.type === 'integer' || schema?.type === 'boolean' ? Number(value) : value;
}

/** GET …/config: with what is pending unless `current=1`. */
export function readConfig(call: Call): unknown {
  const vm = call.cluster.vm(vmid(call), call.node);
  const snapname = text(call, 'snapshot');
  if (snapname !== undefined) {
    const snapshot = vm.snapshots[snapname];
    if (snapshot === undefined) throw new RunError(`snapshot '${snapname}' does not exist`);
    return { ...typed(snapshot.config), digest: digest(vm) };
  }
  const config = flag(call, 'current') ? vm.config : withPending(vm);
  return { ...typed(config), digest: digest(vm) };
}

/** GET …/pending */
export function pending(call: Call): unknown {
  const vm = call.cluster.vm(vmid(call), call.node);
  const keys = new Set([...Object.keys(vm.config), ...Object.keys(vm.pending)]);
  const rows: Record<string, unknown>[] = [...keys].map((key) => ({ key, ...row(vm, key) }));
  return [...rows, { key: 'digest', value: digest(vm) }];
}

function row(vm: Vm, key: string): Record<string, unknown> {
  const value = vm.config[key];
  const next = vm.pending[key];
  return {
    ...(value === undefined ? {} : { value: typedValue(key, value) }),
    ...(next === undefined ? {} : { pending: typedValue(key, next) }),
    ...(vm.pendingDelete.includes(key) ? { delete: 1 } : {}),
  };
}

const CLOUDINIT_KEYS = [
  'cicustom',
  'cipassword',
  'citype',
  'ciupgrade',
  'ciuser',
  'nameserver',
  'searchdomain',
  'sshkeys',
];

/** GET …/cloudinit */
export function cloudinitPending(call: Call): unknown {
  const vm = call.cluster.vm(vmid(call), call.node);
  return CLOUDINIT_KEYS.filter((key) => vm.config[key] !== undefined).map((key) => ({
    key,
    value: typedValue(key, vm.config[key] ?? ''),
  }));
}

/** The id the guest would be suspected of being: used by lists of features. */
export function feature(call: Call): unknown {
  const vm = call.cluster.vm(vmid(call), call.node);
  const wanted = text(call, 'feature');
  const has = wanted === 'clone' || wanted === 'copy' || wanted === 'snapshot';
  return { hasFeature: has ? 1 : 0, nodes: [vm.node] };
}
