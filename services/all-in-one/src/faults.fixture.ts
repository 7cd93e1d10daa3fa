import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestSite } from '@truffle/testkit';
import type { GatewayReplica, Replicas } from './replicas.fixture.ts';

const preload = resolve(import.meta.dirname, '../../../agent/src/journal/fail-point.testing.ts');
const records = ['accept', 'permit', 'intend', 'observe', 'end', 'forget'] as const;

/** Random numbers that a seed repeats: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A file system of 200 MiB in memory, which `release` unmounts; undefined where only root may mount one. */
export function smallDisk(): { readonly folder: string; release(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'truffle-disk-'));
  const release = (): void => {
    spawnSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  };
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', folder]).status === 0;
  if (mounted) return { folder, release };
  release();
  return undefined;
}

/** What a fault may strike. */
export interface Target {
  readonly replicas: Replicas;
  readonly sites: readonly TestSite[];
  /** The gateways that run; at least one of them is left. */
  readonly gateways: GatewayReplica[];
  readonly random: () => number;
  /** The small file system that the agents' folders are on; undefined where none could be mounted. */
  readonly disk: string | undefined;
}

type Fault = (target: Target) => Promise<void>;

const pick = <T>(random: () => number, all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
const between = (random: () => number, low: number, high: number): number => Math.floor(low + random() * (high - low));

/** Faults by name; each resolves when what it did is over or on its way back. */
export const faults: Readonly<Record<string, Fault>> = {
  'the agent is killed': async ({ sites, random }) => {
    const site = pick(random, sites);
    await site.killAgent();
    site.launchAgent();
  },
  'the agent dies at a fail point': async ({ sites, random }) => {
    const site = pick(random, sites);
    const point = `${pick(random, records)}:${pick(random, ['before', 'after'])}:${between(random, 1, 4)}`;
    await site.killAgent();
    site.launchAgent({ preload, env: { FAIL_POINT: point } });
  },
  "the agent's clock is wrong": async ({ sites, random }) => {
    const site = pick(random, sites);
    const hours = between(random, -48, 48);
    await site.killAgent();
    site.launchAgent({ preload, env: { CLOCK_SKEW_MS: String(hours * 3_600_000) } });
  },
  'the agent stands still': async ({ sites, random }) => pick(random, sites).pauseAgent(between(random, 50, 800)),
  'a gateway stands still': async ({ gateways, random }) => pick(random, gateways).pause(between(random, 50, 800)),
  'a gateway is killed': async (target) => replace(target, 'kill'),
  'a gateway leaves': async (target) => replace(target, 'drain'),
  'connections break': async ({ replicas }) => replicas.agents.cut(),
  'NATS is away': async ({ replicas, random }) => {
    const heal = replicas.withoutNats();
    await delay(between(random, 100, 2_000));
    heal();
  },
  'PostgreSQL ends every connection': async ({ replicas }) => {
    await replicas.database.admin.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
  },
  "the agents' disk is full": async ({ disk, random }) => {
    if (disk === undefined) return;
    const filler = join(disk, 'filler');
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k', 'status=none']);
    await delay(between(random, 100, 1_500));
    rmSync(filler, { force: true });
  },
  'agents and gateways are apart': async ({ replicas, random }) => {
    const heal = replicas.partition();
    replicas.agents.cut();
    await delay(between(random, 100, 1_500));
    heal();
  },
};

async function replace({ replicas, gateways, random }: Target, how: 'kill' | 'drain'): Promise<void> {
  const [going] = gateways.splice(Math.floor(random() * gateways.length), 1);
  const gone = going?.[how]();
  gateways.push(await replicas.startGateway());
  await gone;
}
