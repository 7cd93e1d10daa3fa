import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AclEntry, User } from './access/access.ts';
import type { Cluster, Pool } from './cluster/cluster.ts';
import type { HaResource } from './ha/ha.ts';
import type { GuestImage } from './guest/guest.ts';
import type { Storage, Volume } from './storage/storage.ts';
import type { Task } from './task/task.ts';
import type { Vm } from './vm/vm.ts';

/** Everything of the site that survives a restart. */
export interface SiteState {
  version: 1;
  users: Record<string, User>;
  groups: Record<string, { comment?: string }>;
  roles: Record<string, string[]>;
  acl: AclEntry[];
  storages: Storage[];
  volumes: Volume[];
  pools: { poolid: string; comment?: string; vms: number[]; storages: string[] }[];
  vms: Vm[];
  guests: Record<string, GuestImage>;
  tasks: Task[];
  ha?: Record<string, HaResource>;
}

/** Finished tasks kept across a restart. */
const TASKS_KEPT = 500;
const SAVE_AFTER_MS = 200;

export function capture(cluster: Cluster): SiteState {
  const { access } = cluster;
  return {
    version: 1,
    users: access.users,
    groups: access.groups,
    roles: access.roles,
    acl: access.acl,
    storages: [...cluster.storages.byName.values()],
    volumes: [...cluster.storages.volumes.values()],
    pools: [...cluster.pools.values()].map((pool) => ({ ...pool, vms: [...pool.vms], storages: [...pool.storages] })),
    vms: [...cluster.vms.values()],
    ha: Object.fromEntries(cluster.ha.resources),
    guests: cluster.guests.images(),
    tasks: [...cluster.tasks.byUpid.values()].filter((task) => task.exitstatus !== undefined).slice(-TASKS_KEPT),
  };
}

/** Puts a saved site back; guests that ran are running again, long booted. */
export function restore(cluster: Cluster, state: SiteState): void {
  const { access } = cluster;
  Object.assign(access.users, state.users);
  Object.assign(access.groups, state.groups);
  Object.assign(access.roles, state.roles);
  access.acl = state.acl;
  for (const storage of state.storages) cluster.storages.byName.set(storage.storage, storage);
  for (const volume of state.volumes) cluster.storages.add(volume, volume.node ?? '');
  for (const pool of state.pools) {
    const one: Pool = { ...pool, vms: new Set(pool.vms), storages: new Set(pool.storages) };
    cluster.pools.set(pool.poolid, one);
  }
  for (const vm of state.vms) cluster.vms.set(vm.vmid, vm);
  for (const [vmid, resource] of Object.entries(state.ha ?? {})) cluster.ha.resources.set(Number(vmid), resource);
  for (const [vmid, image] of Object.entries(state.guests)) cluster.guests.restore(Number(vmid), image);
  for (const vm of state.vms) if (vm.running !== undefined) cluster.guests.boot(vm);
  for (const task of state.tasks) cluster.tasks.byUpid.set(task.upid, task);
}

/** A folder that holds what must survive: keys and the site. */
export class StateFolder {
  private readonly folder: string;
  private timer: NodeJS.Timeout | undefined;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string | undefined {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : undefined;
  }

  /** Writes a file whole or not at all. */
  write(name: string, content: string): void {
    const next = `${this.path(name)}.next`;
    writeFileSync(next, content, { mode: 0o600 });
    renameSync(next, this.path(name));
  }

  loadSite(): SiteState | undefined {
    const text = this.read('site.json');
    return text === undefined ? undefined : JSON.parse(text);
  }

  saveSite(cluster: Cluster): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.write('site.json', JSON.stringify(capture(cluster)));
  }

  /** Saves soon; many changes in a row become one write. */
  saveSoon(cluster: Cluster): void {
    this.timer ??= setTimeout(() => this.saveSite(cluster), SAVE_AFTER_MS);
  }
}
