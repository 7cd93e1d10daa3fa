import { deriveId, smbiosUuidOf } from '@truffle/ids';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markText } from './mark.ts';
import { type Candidate, type Claims, findOrphans, type Ownership, ownerOf } from './orphan.ts';

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
  reservations: [],
  unwanted: [],
  nowMs: 1_000_000,
  graceMs: 0,
  ...change,
});

const first = servers[0] ?? deriveId('srv', '');
const second = servers[1] ?? deriveId('srv', '');
const whole = made(20_000, first);

/** The same as a clone leaves it whose configuration step never came. */
function half(vmid: number, serverId: (typeof servers)[number], change: Candidate['options'] = {}): Candidate {
  const uuid = `uuid=${fc.sample(fc.uuid(), 1)[0] ?? ''}`;
  return { vmid, node: 'pve1', options: { description: marked(own, serverId), smbios1: uuid, ...change } };
}

const reservation = { vmid: 20_000, serverId: first, commandId: 'cmd_0' };

describe('what is ours', () => {
  it('carries all proofs', () => {
    expect(ownerOf(whole, claims())).toEqual({ serverId: first, how: 'whole' });
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
  ])('and not %s, even where this agent was making that server there', (_, change) => {
    const candidate = { ...whole, options: { ...whole.options, ...change } };
    expect(ownerOf(candidate, claims())).toBeUndefined();
    expect(ownerOf(candidate, claims({ reservations: [reservation] }))).toBeUndefined();
  });

  it('and not a number that was not leased, was leased for another, or is outside the range', () => {
    expect(ownerOf(whole, claims({ leases: new Map() }))).toBeUndefined();
    expect(ownerOf(whole, claims({ leases: new Map([[20_000, second]]) }))).toBeUndefined();
    expect(ownerOf(made(300, first), claims({ leases: new Map([[300, first]]) }))).toBeUndefined();
  });

  it('is a half-made VM by the reservation of just the command that its mark names', () => {
    const reserved = (change: Partial<typeof reservation> = {}) =>
      claims({ reservations: [{ ...reservation, ...change }] });
    expect(ownerOf(half(20_000, first), reserved())).toEqual({ serverId: first, how: 'half' });
    expect(ownerOf(half(20_000, first), claims())).toBeUndefined();
    expect(ownerOf(half(20_000, first), reserved({ commandId: 'cmd_1' }))).toBeUndefined();
    expect(ownerOf(half(20_000, first), reserved({ vmid: 20_001 }))).toBeUndefined();
    expect(ownerOf(half(20_000, first), reserved({ serverId: second }))).toBeUndefined();
    expect(ownerOf(half(20_000, first), { ...reserved(), leases: new Map([[20_000, second]]) })).toBeUndefined();
    expect(ownerOf(half(20_000, first, { tags: `truffle;${second}` }), reserved())).toBeUndefined();
  });

  it('tells a stub and a lock from what may be removed', () => {
    const reserved = claims({ reservations: [reservation] });
    const stub: Candidate = { vmid: 20_000, node: 'pve1', options: { lock: 'clone' } };
    expect(ownerOf(stub, reserved)).toEqual({ serverId: first, how: 'stub' });
    expect(ownerOf(stub, claims())).toBeUndefined();
    expect(ownerOf({ ...stub, options: { lock: 'backup' } }, reserved)).toBeUndefined();
    expect(ownerOf({ ...stub, options: { lock: 'clone', description: 'mine' } }, reserved)).toBeUndefined();
    expect(ownerOf(half(20_000, first, { lock: 'clone' }), reserved)?.how).toBe('stub');
    expect(ownerOf(half(20_000, first, { lock: 'backup' }), reserved)).toBeUndefined();
    const locked = { ...whole, options: { ...whole.options, lock: 'backup' } };
    expect(ownerOf(locked, claims())).toEqual({ serverId: first, how: 'locked' });
  });
});

describe('orphans', () => {
  it('are what is ours and not wanted, each with its reason and its grace time', () => {
    const both = [made(20_001, second), whole];
    expect(findOrphans(both, claims({ wanted: new Set([second]) })).map((each) => each.vmid)).toEqual([20_000]);
    const unwanted = [{ vmid: 20_000, serverId: first, sinceMs: 940_000 }];
    const [waiting] = findOrphans([whole], claims({ graceMs: 90_000, unwanted }));
    expect(waiting).toMatchObject({ due: false, reason: expect.stringContaining('ends in 30 s') });
    const [due] = findOrphans([whole], claims({ graceMs: 60_000, unwanted }));
    expect(due?.due).toBe(true);
    expect(findOrphans([whole], claims({ graceMs: 1 }))[0]?.due).toBe(false);
  });

  it('count their grace time by number and server, and a clock that was put back makes it no longer', () => {
    const other = [{ vmid: 20_000, serverId: second, sinceMs: 0 }];
    expect(findOrphans([whole], claims({ graceMs: 1_000, unwanted: other }))[0]?.due).toBe(false);
    const ahead = [{ vmid: 20_000, serverId: first, sinceMs: 9_000_000 }];
    expect(findOrphans([whole], claims({ graceMs: 1_000, unwanted: ahead }))[0]?.sinceMs).toBe(1_000_000);
  });

  it('never hold a foreign VM, in 15,000 random inventories', () => {
    const held: Record<string, number> = {};
    fc.assert(
      fc.property(inventory, wantedServers, ({ candidates, reservations }, wanted) => {
        const byVmid = new Map(candidates.map((each) => [each.vmid, each]));
        for (const { vmid, how } of findOrphans(candidates, claims({ wanted: new Set(wanted), reservations }))) {
          // Written apart from the code that is tested: from how the VM was made.
          expect(byVmid.get(vmid)?.is).toBe(how);
          expect(wanted).not.toContain(byVmid.get(vmid)?.serverId);
          held[how] = (held[how] ?? 0) + 1;
        }
      }),
      { numRuns: 15_000 },
    );
    for (const how of ['whole', 'half', 'stub', 'locked']) expect(held[how]).toBeGreaterThan(1_000);
  }, 120_000);

  it('hold each of ours that is not wanted, whatever is beside it', () => {
    fc.assert(
      fc.property(inventory, ({ candidates, reservations }) => {
        const found = findOrphans(candidates, claims({ reservations })).map((each) => each.vmid);
        const expected = candidates.filter((each) => each.is !== 'foreign').map((each) => each.vmid);
        expect(found).toEqual(expected.toSorted((a, b) => a - b));
      }),
    );
  });
});

interface Made extends Candidate {
  readonly serverId: string;
  /** How it is ours, or whose it is not. */
  readonly is: Ownership | 'foreign';
  /** Whether this agent's journal says that it was making that server on this number. */
  readonly reserved: boolean;
}

const wantedServers = fc.subarray(servers);
const serverAt = (at: number) => servers[at % servers.length] ?? first;

type Options = Candidate['options'];

/** Ways that a VM on a number leased for a server is not that server, whatever is reserved: one or several at a time. */
const flaws: Readonly<Record<string, (options: Options, at: number) => Options>> = {
  unmarked: (options) => ({ ...options, description: 'the database, do not touch' }),
  quoted: (options) => ({ ...options, description: `copy-of-${options['description'] ?? ''}` }),
  otherOrg: (options, at) => ({ ...options, description: marked(other, serverAt(at)) }),
  otherMark: (options, at) => ({ ...options, description: marked(own, serverAt(at + 1)) }),
  // A person's clone of another of our VMs that took this number while it was free: all is copied, but for the UUID.
  clonedByHand: (_options, at) => ({
    ...made(0, serverAt(at + 1)).options,
    smbios1: 'uuid=11111111-1111-4111-8111-111111111111',
  }),
  // The same of this very server, from a copy that was kept elsewhere.
  clonedBack: (_options, at) => ({
    ...made(0, serverAt(at)).options,
    smbios1: 'uuid=22222222-2222-4222-8222-222222222222',
  }),
  // Another agent's server, whose control plane leased the same number at its own site.
  otherAgent: (_options, at) => made(0, deriveId('srv', `elsewhere ${at}`)).options,
  noUuid: ({ smbios1: _smbios1, ...options }) => ({ ...options, tags: 'truffle;srv_0' }),
  untagged: (options, at) => ({ ...options, smbios1: `uuid=${smbiosUuidOf(serverAt(at))}`, tags: 'truffle' }),
  protected: (options) => ({ ...options, protection: '1' }),
  template: (options) => ({ ...options, template: '1' }),
  plain: () => ({ name: 'theirs' }),
  // A person's clone in the making: what it is called is known, whose it is is not.
  theirStub: () => ({ lock: 'clone', description: 'web shop, 2nd try' }),
};

/** What our own creations leave, by how far they came. */
const ours: Readonly<Record<Ownership, (serverId: (typeof servers)[number], at: number) => Options>> = {
  whole: (serverId) => made(0, serverId).options,
  locked: (serverId) => ({ ...made(0, serverId).options, lock: 'snapshot' }),
  half: (serverId) => half(0, serverId).options,
  stub: (serverId, at) =>
    at % 2 === 0
      ? { lock: 'clone', description: 'qmclone temporary file\n' }
      : half(0, serverId, { lock: 'clone' }).options,
};

const candidate: fc.Arbitrary<Made> = fc
  .record({
    at: fc.nat(servers.length - 1),
    how: fc.constantFrom<Ownership>('whole', 'whole', 'half', 'stub', 'locked'),
    // In our range, leased or not, and outside of it.
    shift: fc.constantFrom(0, 0, 0, 1, 5, 12, 5_000, -19_000),
    broken: fc.oneof(fc.constant<string[]>([]), fc.subarray(Object.keys(flaws), { minLength: 1, maxLength: 3 })),
    reserved: fc.boolean(),
    // What high availability, people's tags, disks and notes add, which says nothing about whose a VM is.
    noise: fc.record({ hastate: fc.constantFrom('started', 'error'), onboot: fc.constant('1'), notes: fc.string() }),
  })
  .map(({ at, how, shift, broken, reserved, noise }) => {
    const serverId = serverAt(at);
    const options = broken.reduce<Options>((made, flaw) => flaws[flaw]?.(made, at) ?? made, ours[how](serverId, at));
    const proven = how === 'whole' || how === 'locked' || reserved;
    const is = broken.length === 0 && shift === 0 && proven ? how : 'foreign';
    return { vmid: vmids.first + at + shift, node: 'pve1', options: { ...noise, ...options }, serverId, is, reserved };
  });

const inventory = fc
  .uniqueArray(candidate, { selector: (each) => each.vmid, maxLength: 24, size: 'max' })
  .map((candidates) => ({
    candidates,
    reservations: candidates
      .filter((each) => each.reserved)
      .flatMap(({ vmid, serverId }) => [
        { vmid, serverId, commandId: 'cmd_0' },
        { vmid: vmid + 1, serverId, commandId: 'cmd_9' },
      ]),
  }));
