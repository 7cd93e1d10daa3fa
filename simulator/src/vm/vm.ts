import { createHash } from 'node:crypto';
import { RunError } from '../errors.ts';

/** A guest's configuration as its file holds it: every value is text. */
export type Config = Record<string, string>;

export interface Snapshot {
  config: Config;
  description: string;
  /** Seconds since the epoch. */
  snaptime: number;
  parent?: string;
  vmstate: boolean;
  /** Set while it is being made or deleted. */
  snapstate?: 'prepare' | 'delete';
}

/** What exists only while the guest runs. */
export interface Running {
  pid: number;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** When the guest's own services (agent, SSH) answer; milliseconds since the epoch. */
  bootedAt: number;
  paused: boolean;
}

export interface Firewall {
  options: Record<string, string | number>;
  rules: Record<string, string | number>[];
  /** Addresses by the name of their set. */
  ipsets: Record<string, { comment?: string; members: Record<string, string | number>[] }>;
}

export interface Vm {
  vmid: number;
  node: string;
  config: Config;
  pending: Config;
  /** Options that vanish at the next start. */
  pendingDelete: string[];
  snapshots: Record<string, Snapshot>;
  running?: Running;
  firewall: Firewall;
}

export function newVm(vmid: number, node: string, config: Config): Vm {
  return {
    vmid,
    node,
    config,
    pending: {},
    pendingDelete: [],
    snapshots: {},
    firewall: { options: {}, rules: [], ipsets: {} },
  };
}

/** The text of the configuration file: the digest is taken of it. */
export function configText(vm: Vm): string {
  const parts = [section(vm.config)];
  if (Object.keys(vm.pending).length + vm.pendingDelete.length > 0) {
    const removed: Config = vm.pendingDelete.length > 0 ? { delete: vm.pendingDelete.join(',') } : {};
    parts.push(`\n[PENDING]\n${section({ ...vm.pending, ...removed })}`);
  }
  for (const [name, snapshot] of Object.entries(vm.snapshots)) {
    const extra: Config = {
      snaptime: String(snapshot.snaptime),
      ...(snapshot.parent === undefined ? {} : { parent: snapshot.parent }),
      ...(snapshot.snapstate === undefined ? {} : { snapstate: snapshot.snapstate }),
    };
    parts.push(`\n[${name}]\n${section({ ...snapshot.config, description: snapshot.description, ...extra })}`);
  }
  return parts.join('');
}

function section(config: Config): string {
  const { description, ...rest } = config;
  const head =
    description === undefined || description === ''
      ? ''
      : description
          .split('\n')
          .map((line) => `#${encodeURI(line)}\n`)
          .join('');
  return (
    head +
    Object.keys(rest)
      .sort()
      .map((key) => `${key}: ${rest[key]}\n`)
      .join('')
  );
}

/** 40 hex digits that change with the configuration. */
export function digest(vm: Vm): string {
  return createHash('sha1').update(configText(vm)).digest('hex');
}

/** @throws {RunError} "VM is locked (…)" */
export function requireUnlocked(vm: Vm): void {
  const lock = vm.config['lock'];
  if (lock !== undefined) throw new RunError(`VM is locked (${lock})`);
}

export function isTemplate(vm: Vm): boolean {
  return vm.config['template'] === '1';
}

/** The configuration as it will be after the next start. */
export function withPending(vm: Vm): Config {
  const merged: Config = { ...vm.config, ...vm.pending };
  for (const key of vm.pendingDelete) delete merged[key];
  return merged;
}

/** Configured memory in bytes. */
export function memoryBytes(config: Config): number {
  return Number((config['memory'] ?? '512').replace('current=', '')) * 1024 * 1024;
}

export function cpuCount(config: Config): number {
  const all = Number(config['cores'] ?? 1) * Number(config['sockets'] ?? 1);
  return config['vcpus'] === undefined ? all : Number(config['vcpus']);
}
