import fc from 'fast-check';
import type { ServerSpec } from '@truffle/template-language';
import { describe, expect, it } from 'vitest';
import type { SitePolicy } from './plan.policy.ts';
import { nodesApart, planServers, type Site } from './plan.ts';

const gib = 1024 ** 3;
const server = (name: string, more: Partial<ServerSpec> = {}): ServerSpec => ({
  role: 'web',
  index: 0,
  name,
  image: 'debian-12',
  cpu: 1,
  memoryBytes: gib,
  diskBytes: 10 * gib,
  networks: ['lan'],
  antiAffinity: false,
  ...more,
});
const site = (more: Partial<Site> = {}): Site => ({
  agentName: 'demo',
  state: 'online',
  nodes: [
    { name: 'pve1', online: true, cpu: 8, freeMemoryBytes: 4 * gib },
    { name: 'pve2', online: true, cpu: 8, freeMemoryBytes: 2 * gib },
    { name: 'pve3', online: false, cpu: 8, freeMemoryBytes: 64 * gib },
  ],
  images: [{ name: 'debian-12', node: 'pve1', diskBytes: 3 * gib }],
  networks: ['lan'],
  storages: [{ name: 'shared', node: '', freeBytes: 1000 * gib }],
  vmids: { first: 20000, last: 20009 },
  leased: 0,
  servers: 0,
  problems: [],
  policy: undefined,
  ...more,
});
const policy = (more: Partial<SitePolicy> = {}): SitePolicy => ({
  problem: '',
  images: ['debian-12'],
  networks: ['lan'],
  exec: true,
  windows: '',
  maxServers: Number.POSITIVE_INFINITY,
  maxCpu: Number.POSITIVE_INFINITY,
  maxMemoryBytes: Number.POSITIVE_INFINITY,
  maxDiskBytes: Number.POSITIVE_INFINITY,
  ...more,
});
const reasons = (servers: ServerSpec[], at: Site) => planServers(servers, at).refusals.map((r) => r.reason);

describe('a plan', () => {
  it('spreads servers that want to be apart, never to a node that is down', () => {
    const { placements, refusals, warnings } = planServers(
      [server('a', { antiAffinity: true }), server('b', { antiAffinity: true }), server('c', { antiAffinity: true })],
      site(),
    );
    expect(refusals).toEqual([]);
    expect(placements.map((p) => p.node)).toEqual(['pve1', 'pve2', 'pve1']);
    expect(warnings).toEqual(['servers of the role web have to share the node pve1']);
    expect([...nodesApart(placements)]).toEqual([
      ['a', ['pve2']],
      ['b', ['pve1']],
      ['c', ['pve2']],
    ]);
  });

  it('says what the site refuses, each with its remedy', () => {
    expect(reasons([server('a', { image: 'nope' })], site())).toEqual(['IMAGE_NOT_FOUND']);
    expect(reasons([server('a', { networks: ['dmz'] })], site())).toEqual(['NETWORK_NOT_FOUND']);
    expect(reasons([server('a', { diskBytes: gib })], site())).toEqual(['DISK_TOO_SMALL']);
    expect(reasons([server('a'), server('b')], site({ leased: 9 }))).toEqual(['VMID_RANGE_EXHAUSTED']);
    expect(reasons([server('a', { memoryBytes: 5 * gib })], site())).toEqual(['CAPACITY_MEMORY']);
    expect(reasons([server('a', { diskBytes: 2000 * gib })], site())).toEqual(['CAPACITY_DISK']);
    expect(reasons([server('a')], site({ state: 'revoked' }))).toEqual(['AGENT_UNUSABLE']);
    expect(reasons([server('a')], site({ nodes: [] }))).toContain('SITE_UNKNOWN');
  });

  it.each<[string, Partial<SitePolicy>]>([
    ['images', { images: [] }],
    ['networks', { networks: ['dmz'] }],
    ['limits.cpu', { maxCpu: 0.5 }],
    ['limits.memory', { maxMemoryBytes: gib - 1 }],
    ['limits.disk', { maxDiskBytes: 9 * gib }],
    ['limits.servers', { maxServers: 3 }],
    ['exec', { exec: false }],
    ['policy', { problem: 'policy.yaml:1:1: exec must be on or off' }],
  ])('says what the site’s policy would refuse: %s', (rule, more) => {
    const { refusals } = planServers([server('a'), server('b')], site({ servers: 2, policy: policy(more) }), true);
    expect(refusals.map((r) => [r.reason, r.parameters['rule']])).toEqual([['POLICY_VIOLATION', rule]]);
    expect(refusals[0]?.remedy).not.toBe('');
  });

  it('is not hindered by a policy that allows it, and warns of its windows', () => {
    const allowed = policy({ maxServers: 4, maxCpu: 1, maxMemoryBytes: gib, maxDiskBytes: 10 * gib, exec: false });
    expect(reasons([server('a'), server('b')], site({ servers: 2, policy: allowed }))).toEqual([]);
    const { warnings, refusals } = planServers([server('a')], site({ policy: policy({ windows: 'sat,sun' }) }));
    expect(refusals).toEqual([]);
    expect(warnings).toEqual(['the site is worked on in its maintenance windows only: sat,sun']);
  });

  it('goes on when the agent is away, and says so', () => {
    const { fits, refusals, warnings } = planServers([server('a')], site({ state: 'offline' }));
    expect({ fits, refusals }).toEqual({ fits: true, refusals: [] });
    expect(warnings).toEqual(['the agent demo is not connected: the commands wait for it']);
  });

  it('never gives a node more than it has, whatever is asked', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 12 }), (sizes) => {
        const servers = sizes.map((size, i) => server(`s${i}`, { index: i, memoryBytes: size * gib }));
        const { placements, refusals } = planServers(servers, site({ vmids: { first: 1000, last: 9999 } }));
        for (const node of site().nodes) {
          const used = placements.filter((p) => p.node === node.name).reduce((sum, p) => sum + p.server.memoryBytes, 0);
          expect(used).toBeLessThanOrEqual(node.online ? node.freeMemoryBytes : 0);
        }
        expect(placements.length === servers.length).toBe(!refusals.some((r) => r.reason === 'CAPACITY_MEMORY'));
      }),
    );
  });
});
