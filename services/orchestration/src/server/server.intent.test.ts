import { describe, expect, it } from 'vitest';
import type { Site } from '../plan/plan.ts';
import { inverseOf, mostSnapshots, refusalOf, type IntendedServer, type ServerIntent } from './server.intent.ts';
import { siteRefusals } from './server.site.ts';

const gib = 1024 ** 3;
const server = (more: Partial<IntendedServer> = {}): IntendedServer => ({
  name: 'web-0',
  state: 'READY',
  vmid: 20_000,
  node: 'pve1',
  power: 'RUNNING',
  cpu: 2,
  memoryBytes: 2 * gib,
  diskBytes: 20 * gib,
  ...more,
});
const resize = (more: Partial<ServerIntent & { kind: 'RESIZE_SERVER' }> = {}): ServerIntent => ({
  kind: 'RESIZE_SERVER',
  cpu: 0,
  memoryBytes: 0,
  diskBytes: 0,
  allowRestart: false,
  ...more,
});
const migrate = (targetNode: string): ServerIntent => ({ kind: 'MIGRATE_SERVER', targetNode, withLocalDisks: false });
const snapshot: ServerIntent = { kind: 'SNAPSHOT_SERVER', includeMemory: false };
const rollback: ServerIntent = { kind: 'ROLLBACK_SERVER', snapshot: 'tf-cmd_1' };
const start: ServerIntent = { kind: 'START_SERVER' };
const stop: ServerIntent = { kind: 'STOP_SERVER', shutdownSeconds: 5 };
const node = (name: string, online: boolean, free: number) => ({ name, online, cpu: 8, freeMemoryBytes: free });
const site = (more: Partial<Site> = {}): Site => ({
  agentName: 'demo',
  state: 'online',
  nodes: [node('pve1', true, gib), node('pve2', true, 4 * gib), node('pve3', false, 64 * gib)],
  images: [],
  networks: [],
  storages: [],
  vmids: { first: 1, last: 9 },
  leased: 1,
  servers: 1,
  problems: [],
  policy: undefined,
  ...more,
});

describe('a change to a server', () => {
  it.each([
    [start, server({ state: 'PENDING', vmid: null }), 'SERVER_NOT_MADE'],
    [start, server({ state: 'PROVISIONING' }), 'SERVER_NOT_MADE'],
    [stop, server({ state: 'DELETED' }), 'SERVER_NOT_MADE'],
    [stop, server({ state: 'FAILED' }), undefined],
    [start, server(), undefined],
    [resize({ diskBytes: 19 * gib }), server(), 'DISK_SHRINKS'],
    [resize({ diskBytes: 20 * gib }), server(), undefined],
    [rollback, server({ power: 'STOPPED' }), 'SERVER_STOPPED'],
    [rollback, server(), undefined],
  ])('%j of %j: %s', (intent, its, reason) => {
    expect(refusalOf(intent, its, [{ name: 'tf-cmd_1', includeMemory: true }])?.reason).toBe(reason);
  });

  it('has a bound for snapshots', () => {
    const many = Array.from({ length: mostSnapshots }, (_, i) => ({ name: `tf-cmd_${i}`, includeMemory: false }));
    expect(refusalOf(snapshot, server(), many)?.reason).toBe('SNAPSHOT_LIMIT');
    expect(refusalOf(snapshot, server(), many.slice(1))).toBeUndefined();
  });

  it('is taken back by its opposite, or by nothing', () => {
    const its = server();
    expect(inverseOf(start, its, '')).toMatchObject({ kind: 'STOP_SERVER' });
    expect(inverseOf(stop, its, '')).toEqual(start);
    expect(inverseOf(snapshot, its, 'tf-cmd_2')).toEqual({ kind: 'DELETE_SNAPSHOT', snapshot: 'tf-cmd_2' });
    expect(inverseOf(resize({ cpu: 8, diskBytes: 99 * gib }), its, '')).toEqual(
      resize({ cpu: 2, memoryBytes: 2 * gib }),
    );
    expect(inverseOf(migrate('pve2'), its, '')).toEqual(migrate('pve1'));
    expect(inverseOf(rollback, its, '')).toBeUndefined();
    expect(inverseOf({ kind: 'DELETE_SNAPSHOT', snapshot: 'tf-cmd_1' }, its, '')).toBeUndefined();
  });

  it.each([
    [migrate('pve2'), server(), undefined],
    [migrate('pve1'), server(), undefined],
    [migrate('pve9'), server(), 'NODE_NOT_FOUND'],
    [migrate('pve3'), server(), 'NODE_OFFLINE'],
    [migrate('pve2'), server({ memoryBytes: 5 * gib }), 'CAPACITY_MEMORY'],
    [migrate('pve2'), server({ memoryBytes: 5 * gib, power: 'STOPPED' }), undefined],
    [resize({ memoryBytes: 3 * gib }), server(), undefined],
    [resize({ memoryBytes: 4 * gib }), server(), 'CAPACITY_MEMORY'],
    [start, server(), undefined],
  ])('is held against the site: %j of %j: %s', (intent, its, reason) => {
    expect(siteRefusals(intent, its, site()).map((each) => each.reason)).toEqual(reason === undefined ? [] : [reason]);
  });

  it('is held against the sizes of the site’s policy only', () => {
    const policy = {
      problem: '',
      images: [],
      networks: [],
      exec: false,
      windows: '',
      maxServers: 0,
      maxCpu: 2,
      maxMemoryBytes: Number.POSITIVE_INFINITY,
      maxDiskBytes: 30 * gib,
    };
    const rules = (intent: ServerIntent) =>
      siteRefusals(intent, server(), site({ policy })).map((each) => each.parameters['rule']);
    expect(rules(resize({ cpu: 2 }))).toEqual([]);
    expect(rules(resize({ cpu: 3, diskBytes: 31 * gib }))).toEqual(['limits.cpu', 'limits.disk']);
  });
});
