import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { CommandPayloadSchema, type CommandPayload, type EnsureServerSchema } from '@truffle/api/agent/v1/command';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everything, parsePolicy } from './policy.read.ts';
import { untimely, violation, type PolicyFacts } from './policy.ts';

const gib = 2n ** 30n;
const noon = Date.parse('2026-11-25T12:00:00Z');
const facts: PolicyFacts = {
  now: noon,
  ground: { pool: 'truffle', storage: 'fast', bridges: { lan: 'vmbr0', dmz: 'vmbr9' } },
};
const ensure = (change: MessageInitShape<typeof EnsureServerSchema> = {}): CommandPayload => {
  const value = {
    vmid: 20_000,
    image: 'debian-12',
    cpu: 2,
    memoryBytes: 2n * gib,
    diskBytes: 10n * gib,
    networks: ['lan'],
    ...change,
  };
  return create(CommandPayloadSchema, { op: { case: 'ensureServer', value } });
};
const remove = (vmid = 20_000) => create(CommandPayloadSchema, { op: { case: 'deleteServer', value: { vmid } } });
const deploy = (address = '10.0.0.9') =>
  create(CommandPayloadSchema, { op: { case: 'runDeployment', value: { address } } });
const ping = create(CommandPayloadSchema, { op: { case: 'ping', value: {} } });

const judged = (yaml: string, payload: CommandPayload, more: Partial<PolicyFacts> = {}) =>
  violation(parsePolicy(yaml, 'policy.yaml'), payload, { ...facts, ...more });

describe('a policy', () => {
  it('that is empty or absent allows everything', () => {
    for (const payload of [ensure(), remove(), deploy(), ping])
      expect(violation(everything, payload, { ...facts, otherServers: 99, otherDeletes: () => 99 })).toBeUndefined();
    expect(parsePolicy('{}', '')).toEqual(everything);
  });

  it.each<[string, CommandPayload, CommandPayload, Partial<PolicyFacts>]>([
    ['vmids: 20000-20009', ensure({ vmid: 20_009 }), ensure({ vmid: 20_010 }), {}],
    ['vmids: 20000-20009', remove(20_000), remove(19_999), {}],
    ['images: [debian-12]', ensure(), ensure({ image: 'windows' }), {}],
    ['networks: [lan]', ensure(), ensure({ networks: ['lan', 'dmz'] }), {}],
    ['bridges: [vmbr0]', ensure(), ensure({ networks: ['lan', 'dmz'] }), {}],
    ['limits: { cpu: 2 }', ensure(), ensure({ cpu: 3 }), {}],
    ['limits: { memory: 2GiB }', ensure(), ensure({ memoryBytes: 2n * gib + 1n }), {}],
    ['limits: { disk: 10GiB }', ensure(), ensure({ diskBytes: 11n * gib }), {}],
    ['sshTargets: [10.0.0.0/24, "fd00::/64"]', deploy(), deploy('10.0.1.9'), {}],
    ['sshTargets: [10.0.0.0/24, "fd00::/64"]', deploy('fd00::9'), deploy('fd00:0:0:1::9'), {}],
    ['sshTargets: [10.0.0.0/24]', deploy(), deploy('localhost'), {}],
    ['exec: off', ensure(), deploy(), {}],
    ['storages: [fast, shared]', ensure(), ensure(), { storages: ['shared', 'slow'] }],
  ])('%s', (yaml, good, bad, more) => {
    const rule = /^[a-zA-Z]+/.exec(yaml)?.[0] ?? '';
    expect(judged(yaml, good, { ...more, storages: [] })).toBeUndefined();
    const found = judged(yaml, bad, more);
    expect(found?.rule.split('.')[0]).toBe(rule);
    expect(found?.wanted).not.toBe('');
    expect(found?.allowed).not.toBe('');
  });

  it('holds the site’s own config to it: pool and storage', () => {
    const elsewhere = (change: object) => ({ ground: { ...facts.ground!, ...change } });
    expect(judged('pools: [truffle]', ensure())).toBeUndefined();
    expect(judged('pools: [truffle]', ensure(), elsewhere({ pool: 'other' }))?.rule).toBe('pools');
    expect(judged('pools: [truffle]', ensure(), elsewhere({ pool: undefined }))?.wanted).toBe('(none)');
    expect(judged('storages: [fast]', ensure(), elsewhere({ storage: 'slow' }))?.rule).toBe('storages');
    expect(judged('storages: [slow]', remove())).toBeUndefined();
  });

  it('counts: the last one that is allowed, and the first that is not', () => {
    for (const most of [0, 1, 5]) {
      const servers = `limits: { servers: ${most} }`;
      const deletes = `limits: { deletesPerHour: ${most} }`;
      if (most > 0) {
        expect(judged(servers, ensure(), { otherServers: most - 1 })).toBeUndefined();
        expect(judged(deletes, remove(), { otherDeletes: () => most - 1 })).toBeUndefined();
      }
      expect(judged(servers, ensure(), { otherServers: most })).toEqual({
        rule: 'limits.servers',
        wanted: String(most + 1),
        allowed: `at most ${most}`,
      });
      expect(judged(deletes, remove(), { otherDeletes: () => most })?.rule).toBe('limits.deletesPerHour');
    }
    expect(
      judged('limits: { servers: 0, deletesPerHour: 0 }', deploy(), { otherServers: 9, otherDeletes: () => 9 }),
    ).toBeUndefined();
  });

  it('refuses a kind that it can not judge', () => {
    const unknown = { $typeName: 'truffle.agent.v1.CommandPayload', op: { case: 'formatDisks', value: {} } };
    expect(judged('{}', unknown as unknown as CommandPayload)?.rule).toBe('kind');
    expect(judged('{}', create(CommandPayloadSchema))?.rule).toBe('kind');
  });

  it('lets every server through that is inside all of its bounds, and none that is outside of one', () => {
    const policy = parsePolicy('vmids: 200-299\nimages: [a, b]\nlimits: { cpu: 4, memory: 4GiB, servers: 10 }', '');
    const any = fc.record({
      vmid: fc.integer({ min: 190, max: 310 }),
      image: fc.constantFrom('a', 'b', 'c'),
      cpu: fc.integer({ min: 1, max: 6 }),
      memory: fc.bigInt({ min: 1n, max: 6n }),
      others: fc.integer({ min: 0, max: 12 }),
    });
    fc.assert(
      fc.property(any, ({ vmid, image, cpu, memory, others }) => {
        const found = violation(policy, ensure({ vmid, image, cpu, memoryBytes: memory * gib }), {
          ...facts,
          otherServers: others,
        });
        const inside = vmid >= 200 && vmid <= 299 && image !== 'c' && cpu <= 4 && memory <= 4n && others < 10;
        expect(found === undefined).toBe(inside);
      }),
    );
  });
});

describe('windows', () => {
  const nights = `windows:
  timeZone: Europe/Berlin
  allow:
    - { days: mon-fri, from: "22:00", to: "06:00" }
    - { days: "sat,sun", from: "00:00", to: "24:00" }
`;
  const at = (time: string, payload = remove(), yaml = nights) =>
    judged(yaml, payload, { now: Date.parse(time) })?.rule;

  it.each([
    // Wednesday; Berlin is an hour ahead of UTC in winter, two in summer.
    ['2026-11-25T20:59:59Z', 'windows'],
    ['2026-11-25T21:00:00Z', undefined],
    ['2026-11-26T04:59:59Z', undefined],
    ['2026-11-26T05:00:00Z', 'windows'],
    ['2026-07-01T19:59:00Z', 'windows'],
    ['2026-07-01T20:00:00Z', undefined],
    // The night to Saturday belongs to Friday, and Saturday is open anyway; the night to Monday belongs to nobody.
    ['2026-11-28T12:00:00Z', undefined],
    ['2026-11-29T22:59:00Z', undefined],
    ['2026-11-29T23:00:00Z', 'windows'],
    // The hour that is there twice when summer time ends.
    ['2026-10-25T00:30:00Z', undefined],
    ['2026-10-25T01:30:00Z', undefined],
  ])('at %s: %s', (time, rule) => {
    expect(at(time)).toBe(rule);
  });

  it('are by the site’s clock, not by ours', () => {
    const day = (zone: string) => `windows: { timeZone: ${zone}, allow: [{ from: "08:00", to: "09:00" }] }`;
    expect(at('2026-11-25T08:30:00Z', remove(), day('Etc/UTC'))).toBeUndefined();
    expect(at('2026-11-25T08:30:00Z', remove(), day('Asia/Tokyo'))).toBe('windows');
    expect(at('2026-11-24T23:30:00Z', remove(), day('Asia/Tokyo'))).toBeUndefined();
  });

  it('let through at any time what is named, by default reads and what keeps servers running', () => {
    const policy = parsePolicy(nights, '');
    expect(violation(policy, ping, { ...facts, now: noon })).toBeUndefined();
    expect(untimely(policy, 'offline_ok', noon)).toBeUndefined();
    expect(untimely(policy, 'create', noon)?.rule).toBe('windows');
    const strict = parsePolicy(`${nights}  outside: [create]\n`, '');
    expect(untimely(strict, 'create', noon)).toBeUndefined();
    expect(untimely(strict, 'offline_ok', noon)?.rule).toBe('windows');
  });
});

describe('a policy that can not be read', () => {
  it.each([
    ['a: [', /^policy\.yaml:1:\d+: is no YAML/],
    ['- a', /^policy\.yaml:1:1: the policy must be a mapping/],
    ['exec: on\nvmid: 1\n', /^policy\.yaml:2:1: vmid is not known here/],
    ['exec: maybe', /^policy\.yaml:1:1: exec must be on or off/],
    ['exec: false', /^policy\.yaml:1:1: exec must be on or off/],
    ['exec: on\nvmids: 200-100', /^policy\.yaml:2:1: vmids must be a range/],
    ['images:\n  - a\n  - 7', /^policy\.yaml:3:5: images\.1 must be a name/],
    ['images: []', /^policy\.yaml:1:1: images must be a list of at least one/],
    ['recipients:\n  - tfk_abc', /^policy\.yaml:2:5: recipients\.0 must be a key/],
    ['limits:\n  cpu: 0', /^policy\.yaml:2:3: limits\.cpu must be a whole number/],
    ['limits:\n  memory: lots', /^policy\.yaml:2:3: limits\.memory must be a size/],
    ['limits: { disks: 1 }', /^policy\.yaml:1:11: limits\.disks is not known here/],
    ['sshTargets:\n- 10.0.0.0', /^policy\.yaml:2:3: sshTargets\.0 must be a network/],
    ['sshTargets:\n- 10.0.0.0/33', /sshTargets\.0/],
    ['windows:\n  allow: [{ from: "08:00", to: "09:00" }]', /^policy\.yaml:1:1: windows\.timeZone is missing/],
    ['windows: { timeZone: Mars/Base, allow: [] }', /windows\.timeZone must be a time zone/],
    [
      'windows:\n  timeZone: Etc/UTC\n  allow:\n    - { from: "8:00", to: "09:00" }',
      /^policy\.yaml:4:9: windows\.allow\.0\.from must be a time/,
    ],
    ['windows: { timeZone: Etc/UTC, allow: [{ from: "08:00", to: "08:00" }] }', /windows\.allow\.0\.from must differ/],
    [
      'windows: { timeZone: Etc/UTC, allow: [{ days: mon-fry, from: "08:00", to: "09:00" }] }',
      /windows\.allow\.0\.days/,
    ],
    [
      'windows: { timeZone: Etc/UTC, allow: [{ from: "08:00", to: "09:00" }], outside: [sleep] }',
      /windows\.outside\.0 must be one of/,
    ],
    ['exec: on\nexec: off', /^policy\.yaml:2:1: is no YAML: Map keys must be unique/],
  ])('%j', (yaml, message) => {
    expect(() => parsePolicy(yaml, 'policy.yaml')).toThrow(message);
  });

  it('for its aliases is refused, not expanded', () => {
    const bomb = `a: &a [x]\nb: &b [${'*a,'.repeat(9)}*a]\nimages: [${'*b,'.repeat(9)}*b]`;
    expect(() => parsePolicy(bomb, 'policy.yaml')).toThrow(/policy\.yaml:/);
  });

  it('is never anything else than refused, whatever is in it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), (text) => {
        try {
          parsePolicy(text, 'policy.yaml');
        } catch (error) {
          expect(error).toMatchObject({ code: 'POLICY_INVALID' });
        }
      }),
    );
  });
});
