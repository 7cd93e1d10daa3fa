import { deriveId, smbiosUuidOf } from '@truffle/ids';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markText } from './mark.ts';
import { type Candidate, type Claims, findOrphans, ownerOf } from './orphan.ts';

const own = deriveId('org', 'own');
const other = deriveId('org', 'other');
const servers = Array.from({ length: 12 }, (_, at) => deriveId('srv', `server ${at}`));
const vmids = { first: 20_000, last: 20_020 };

const marked = (orgId: string, serverId: string): string => markText({ orgId, serverId, commandId: 'cmd_0' });

/** A VM of `serverId` on the number leased for it, as EnsureServer leaves it. */
function made(vmid: number, serverId: (typeof servers)[number]): Candidate {
  const options = {
    description: marked(own, serverId),
    tags: `truffle;${serverId}`,
    smbios1: `uuid=${smbiosUuidOf(serverId)}`,
  };
  return { vmid, node: 'pve1', options };
}

const claims = (change: Partial<Claims> = {}): Claims => ({
  orgId: own,
  vmids,
  leases: new Map(servers.map((serverId, at) => [vmids.first + at, serverId])),
  wanted: new Set(),
  unwantedSince: new Map(),
  nowMs: 1_000_000,
  graceMs: 0,
  ...change,
});

const first = servers[0] ?? deriveId('srv', '');
const second = servers[1] ?? deriveId('srv', '');
const whole = made(20_000, first);

describe('what is ours', () => {
  it('carries all proofs', () => {
    expect(ownerOf(whole, claims())).toBe(first);
  });

  it.each([
    ['no mark', { description: '' }],
    ['a mark in the middle of a word', { description: `x${marked(own, first)}` }],
    ['another organization', { description: marked(other, first) }],
    ['another server’s mark', { description: marked(own, second) }],
    ['no tag', { tags: 'truffle' }],
    ['another UUID', { smbios1: `uuid=${smbiosUuidOf(second)}` }],
    ['no UUID', { smbios1: '' }],
    ['a template', { template: '1' }],
    ['protection', { protection: '1' }],
    ['a lock', { lock: 'backup' }],
  ])('and not %s', (_, change) => {
    expect(ownerOf({ ...whole, options: { ...whole.options, ...change } }, claims())).toBeUndefined();
  });

  it('and not a number that was not leased, was leased for another, or is outside the range', () => {
    expect(ownerOf(whole, claims({ leases: new Map() }))).toBeUndefined();
    expect(ownerOf(whole, claims({ leases: new Map([[20_000, second]]) }))).toBeUndefined();
    expect(ownerOf(made(300, first), claims({ leases: new Map([[300, first]]) }))).toBeUndefined();
  });
});

describe('orphans', () => {
  it('are what is ours and not wanted, each with its reason and its grace time', () => {
    const both = [made(20_001, second), whole];
    expect(findOrphans(both, claims({ wanted: new Set([second]) })).map((each) => each.vmid)).toEqual([20_000]);
    const seen = new Map([[20_000, 940_000]]);
    const [waiting] = findOrphans([whole], claims({ graceMs: 90_000, unwantedSince: seen }));
    expect(waiting).toMatchObject({ due: false, reason: expect.stringContaining('ends in 30 s') });
    const [due] = findOrphans([whole], claims({ graceMs: 60_000, unwantedSince: seen }));
    expect(due?.due).toBe(true);
    expect(findOrphans([whole], claims({ graceMs: 1 }))[0]?.due).toBe(false);
  });

  it('never hold a foreign VM, in 10,000 random inventories', () => {
    let ours = 0;
    fc.assert(
      fc.property(inventory, wantedServers, (candidates, wanted) => {
        const byVmid = new Map(candidates.map((each) => [each.vmid, each]));
        for (const { vmid } of findOrphans(candidates, claims({ wanted: new Set(wanted) }))) {
          // Written apart from the code that is tested: from how the VM was made.
          expect(byVmid.get(vmid)?.foreign).toBeUndefined();
          expect(wanted).not.toContain(byVmid.get(vmid)?.serverId);
          ours += 1;
        }
      }),
      { numRuns: 10_000 },
    );
    expect(ours).toBeGreaterThan(10_000);
  }, 120_000);

  it('hold each of ours that is not wanted, whatever is beside it', () => {
    fc.assert(
      fc.property(inventory, (candidates) => {
        const found = findOrphans(candidates, claims()).map((each) => each.vmid);
        const expected = candidates.filter((each) => each.foreign === undefined).map((each) => each.vmid);
        expect(found).toEqual(expected.toSorted((a, b) => a - b));
      }),
    );
  });
});

interface Made extends Candidate {
  readonly serverId: string;
  /** What makes it somebody else's; undefined for ours. */
  readonly foreign: string | undefined;
}

const wantedServers = fc.subarray(servers);

/** Ways to be foreign, one or several at a time. */
const flaws: Readonly<Record<string, (options: Candidate['options'], at: number) => Candidate['options']>> = {
  unmarked: (options) => ({ ...options, description: 'the database, do not touch' }),
  otherOrg: (options, at) => ({ ...options, description: marked(other, servers[at] ?? '') }),
  otherMark: (options, at) => ({ ...options, description: marked(own, servers[(at + 1) % servers.length] ?? '') }),
  wrongUuid: (options) => ({ ...options, smbios1: 'uuid=00000000-0000-4000-8000-000000000000' }),
  noUuid: ({ smbios1: _smbios1, ...options }) => options,
  untagged: (options) => ({ ...options, tags: 'truffle' }),
  protected: (options) => ({ ...options, protection: '1' }),
  template: (options) => ({ ...options, template: '1' }),
  locked: (options) => ({ ...options, lock: 'migrate' }),
  plain: () => ({ name: 'theirs' }),
};

const candidate: fc.Arbitrary<Made> = fc
  .record({
    at: fc.nat(servers.length - 1),
    // In our range, leased or not, and outside of it.
    shift: fc.constantFrom(0, 0, 0, 1, 5, 12, 5_000, -19_000),
    broken: fc.oneof(fc.constant<string[]>([]), fc.subarray(Object.keys(flaws), { minLength: 1, maxLength: 3 })),
  })
  .map(({ at, shift, broken }) => {
    const serverId = servers[at] ?? first;
    const vmid = vmids.first + at + shift;
    const whole = made(vmid, serverId);
    const options = broken.reduce((made, flaw) => flaws[flaw]?.(made, at) ?? made, whole.options);
    const moved = shift === 0 ? undefined : 'on a number that is not its own';
    return { ...whole, options, serverId, foreign: broken[0] ?? moved };
  });

const inventory = fc.uniqueArray(candidate, { selector: (each) => each.vmid, maxLength: 24, size: 'max' });
