import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CommandPayloadSchema, type Command, type CommandPayload } from '@truffle/api/agent/v1/command';
import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Journal } from '../journal/journal.ts';
import { testCommand } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { newTestKey, signed } from '../testing/signing.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { staleAfterMs, unauthentic, type Addressee } from './authenticity.ts';
import type { CommandHandler } from './effect.ts';
import { pingHandler } from './ping.ts';
import { Reports } from './report.ts';
import { Runner } from './runner.ts';

const key = newTestKey();
const stranger = newTestKey();
const here = { orgId: 'org_a', agentId: 'agt_a' };
const startBy = 1_800_000_000_000;
const op = (orgId: string): CommandPayload['op'] =>
  create(CommandPayloadSchema, { op: { case: 'deleteServer', value: { serverId: 's', orgId, vmid: 100 } } }).op;
const ping = create(CommandPayloadSchema, { op: { case: 'ping', value: { nonce: 'n' } } }).op;

/** An agent that takes the word of `key`; effects are counted. */
function agent(wall = startBy) {
  const journal = new Journal(join(testFolder(), 'journal.db'), (error) => {
    throw error;
  });
  onTestFinished(() => journal.close());
  const clock = new VirtualClock();
  const reports = new Reports({ journal, clock, wake: () => undefined });
  const effects: string[] = [];
  const handler: CommandHandler = {
    kind: 'deleteServer',
    needsPermit: true,
    run: (run) => {
      effects.push(run.commandId);
      return new Promise(() => undefined);
    },
  };
  const me: Addressee = { ...here, key: (id) => (id === key.id ? key.publicKey : undefined), wall: () => wall };
  const logged: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  const gate = (asked: Parameters<typeof unauthentic>[0]) => unauthentic(asked, me);
  const telling: CommandHandler = { ...handler, kind: 'revealOutputs', needsPermit: false };
  const runner = new Runner({ journal, reports, handlers: [handler, telling, pingHandler], gate, clock, log });
  const take = (command: Command): string => {
    const frame = runner.command(command)?.frame;
    return frame?.case === 'rejected' ? (frame.value.failure?.reason ?? '') : (frame?.case ?? 'nothing');
  };
  return { take, runner, journal, clock, effects, logged };
}

const given = (change: Partial<Command> = {}, to = here): Command => ({
  ...signed(testCommand({ id: 'c', op: op(to.orgId), fence: 5, runTimeoutMs: 1_000 }), key, to, startBy),
  ...change,
});

describe('a command that takes effect', () => {
  test('is taken on the word of a pinned key', () => {
    const { take, journal } = agent();
    expect(take(given())).toBe('accepted');
    expect(journal.size()).toBe(1);
  });

  const other = toBinary(CommandPayloadSchema, create(CommandPayloadSchema, { op: op('org_a') }));
  const longer = new Uint8Array([...other, 0x28, 0x65]);
  test.each<[string, Partial<Command>]>([
    ['no signature', { signature: new Uint8Array() }],
    ['a signature cut short', { signature: given().signature.subarray(0, 63) }],
    ['a key that is not pinned', { keyId: stranger.id }],
    ['no key', { keyId: '' }],
    ['another id', { id: 'd' }],
    ['another resource', { resourceKey: 'pve:test/other' }],
    ['a higher fence', { fence: 6n }],
    ['another payload', { payload: longer, payloadSha256: createHash('sha256').update(longer).digest() }],
    ['more time to begin', { startBy: timestampFromMs(startBy + 1) }],
    ['more time to run', { runTimeout: { $typeName: 'google.protobuf.Duration', seconds: 2n, nanos: 0 } }],
  ])('is refused with %s, and leaves nothing but a line in the log', (_what, change) => {
    const { take, journal, logged } = agent();
    expect(take(given(change))).toBe('SIGNATURE_INVALID');
    expect(journal.size()).toBe(0);
    expect(logged.join('')).toContain('SIGNATURE_INVALID');
  });

  test('that does not say when it had to begin is refused', () => {
    const { startBy: _left, ...timeless } = given();
    expect(agent().take(timeless)).toBe('SIGNATURE_INVALID');
  });

  test('signed by a stranger in the name of a pinned key is refused', () => {
    const forged = { ...signed(testCommand({ id: 'c', op: op('org_a') }), stranger, here, startBy), keyId: key.id };
    expect(agent().take(forged)).toBe('SIGNATURE_INVALID');
  });

  test('for another agent or organization is refused as such; renamed to this one, as forged', () => {
    const toOther = given({}, { ...here, agentId: 'agt_b' });
    expect(agent().take(toOther)).toBe('NOT_FOR_THIS_AGENT');
    expect(agent().take({ ...toOther, agentId: 'agt_a' })).toBe('SIGNATURE_INVALID');
    expect(agent().take({ ...toOther, agentId: '' })).toBe('SIGNATURE_INVALID');
    const foreign = agent();
    expect(foreign.take(given({}, { ...here, orgId: 'org_b' }))).toBe('NOT_FOR_THIS_AGENT');
    expect(foreign.logged.join('')).toContain('NOT_FOR_THIS_AGENT');
  });

  test('kept by somebody is taken until a day after it had to begin, not after that', () => {
    expect(agent(startBy + staleAfterMs).take(given())).toBe('accepted');
    expect(agent(startBy + staleAfterMs + 1).take(given())).toBe('START_BY_PASSED');
  });
});

describe('a replayed command', () => {
  test('that is in the journal is known by its id: it is not done again', async () => {
    const { take, runner, clock, effects } = agent();
    take(given());
    runner.permit('c', 1);
    await clock.pass(0);
    expect(take(given())).toBe('accepted');
    runner.permit('c', 1);
    await clock.pass(0);
    expect(effects).toEqual(['c']);
  });

  test('is fenced by a newer intent on its resource', () => {
    const { take } = agent();
    const newer = testCommand({ id: 'n', resourceKey: 'pve:test/c', op: op('org_a'), fence: 6 });
    expect(take(signed(newer, key, here, startBy))).toBe('accepted');
    expect(take(given())).toBe('FENCED');
  });

  test('does nothing without a permit', async () => {
    const { take, clock, effects } = agent();
    take(given());
    await clock.pass(10_000);
    expect(effects).toEqual([]);
  });
});

describe('a command that tells secrets, without effect', () => {
  const reveal = create(CommandPayloadSchema, { op: { case: 'revealOutputs', value: { orgId: 'org_a' } } }).op;
  const bare = testCommand({ id: 'r', op: reveal, needsPermit: false });

  test('is taken on orchestration’s word alone', () => {
    expect(agent().take(bare)).toBe('SIGNATURE_INVALID');
    expect(agent().take(signed(bare, stranger, here, startBy))).toBe('SIGNATURE_INVALID');
    expect(agent().take(signed(bare, key, { ...here, agentId: 'agt_b' }, startBy))).toBe('NOT_FOR_THIS_AGENT');
    expect(agent(startBy + staleAfterMs + 1).take(signed(bare, key, here, startBy))).toBe('START_BY_PASSED');
    expect(agent().take(signed(bare, key, here, startBy))).toBe('accepted');
  });
});

describe('a command without effect', () => {
  const bare = testCommand({ id: 'p', op: ping, needsPermit: false });

  test('needs nobody’s word', () => {
    expect(agent().take(bare)).toBe('accepted');
  });

  test('that claims to have one is held to it', () => {
    const claimed = signed(bare, key, here, startBy);
    expect(agent().take(claimed)).toBe('accepted');
    expect(agent().take({ ...claimed, fence: 9n })).toBe('SIGNATURE_INVALID');
  });

  test('is no way for one with effect: that it needs a permit is its kind’s to say', () => {
    expect(agent().take(given({ needsPermit: false, signature: new Uint8Array() }))).toBe('PERMIT_REQUIRED');
    const unpermitted = { ...testCommand({ id: 'c', op: op('org_a'), needsPermit: false }) };
    expect(agent().take(signed(unpermitted, key, here, startBy))).toBe('PERMIT_REQUIRED');
  });
});
