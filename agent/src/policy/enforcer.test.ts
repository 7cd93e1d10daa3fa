import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import {
  CommandPayloadSchema,
  CommandResultSchema,
  Effect,
  EnsureServerSchema,
  Outcome,
  type CommandPayload,
} from '@truffle/api/agent/v1/command';
import type { Failure } from '@truffle/api/type/v1/failure';
import { recipientText } from '@truffle/sealing';
import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CommandHandler } from '../command/effect.ts';
import { pingHandler } from '../command/ping.ts';
import { Reports } from '../command/report.ts';
import { Runner } from '../command/runner.ts';
import { Journal } from '../journal/journal.ts';
import { testCommand } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { Enforcer } from './enforcer.ts';
import type { PolicyState } from './policy.file.ts';
import { everything, parsePolicy } from './policy.read.ts';

const hourMs = 3_600_000;
const ensure = (vmid: number): CommandPayload['op'] =>
  create(CommandPayloadSchema, { op: { case: 'ensureServer', value: { vmid, image: 'i' } } }).op;
const remove = (vmid: number): CommandPayload['op'] =>
  create(CommandPayloadSchema, { op: { case: 'deleteServer', value: { vmid } } }).op;
const ping = create(CommandPayloadSchema, { op: { case: 'ping', value: {} } }).op;

/** An agent under a policy; its effects are counted and end at once, unless they are held. */
class Bench {
  readonly folder = testFolder();
  state: PolicyState = { kind: 'none', policy: everything };
  wall = 1_800_000_000_000;
  /** What the hypervisor says. */
  there: { servers: number[]; storages: string[] } = { servers: [], storages: [] };
  looks = 0;
  asked: () => void = () => undefined;
  effects: string[] = [];
  held = false;
  clock = new VirtualClock();
  journal = this.open();
  enforcer = this.enforce();
  runner = this.make();

  constructor(yaml: string) {
    this.rule(yaml);
    onTestFinished(() => this.journal.close());
  }
  rule(yaml: string): void {
    this.state = { kind: 'in force', policy: parsePolicy(yaml, 'policy.yaml') };
  }
  open(): Journal {
    return new Journal(join(this.folder, 'journal.db'), (error) => {
      throw error;
    });
  }
  enforce(): Enforcer {
    const enforcer = new Enforcer({ policy: () => this.state, journal: this.journal, wall: () => this.wall });
    enforcer.attach({
      ground: { pool: 'truffle', storage: 'fast', bridges: {} },
      look: () => {
        this.looks += 1;
        this.asked();
        return Promise.resolve(this.there);
      },
    });
    return enforcer;
  }
  make(): Runner {
    const { journal, clock, enforcer } = this;
    const handler = (kind: CommandHandler['kind']): CommandHandler => ({
      kind,
      needsPermit: kind !== 'revealOutputs',
      run: (run) => {
        this.effects.push(run.commandId);
        return this.held
          ? new Promise(() => undefined)
          : Promise.resolve({ outcome: Outcome.SUCCEEDED, effect: Effect.FULL });
      },
    });
    const kinds = ['ensureServer', 'deleteServer', 'revealOutputs'] as const;
    const handlers = [...kinds.map(handler), pingHandler].map(enforcer.guard);
    const reports = new Reports({ journal, clock, wake: () => undefined });
    return new Runner({ journal, reports, handlers, gate: enforcer.gate, clock, log: pino({ level: 'silent' }) });
  }
  /** As after a crash: everything but the disk is new. */
  restart(): void {
    this.journal.close();
    this.effects = [];
    this.journal = this.open();
    this.enforcer = this.enforce();
    this.runner = this.make();
    this.runner.recover();
  }
  /** Why the command is not taken in; undefined when it is. */
  take(id: string, op: CommandPayload['op'], needsPermit = true): Failure | undefined {
    const answer = this.runner.command(testCommand({ id, op, needsPermit }))?.frame;
    return answer?.case === 'rejected' ? answer.value.failure : undefined;
  }
  async permit(...ids: string[]): Promise<void> {
    for (const id of ids) this.runner.permit(id, 1);
    await this.clock.pass(0);
  }
  end(id: string) {
    const bytes = this.journal.entry(id)?.result;
    return bytes === undefined ? undefined : fromBinary(CommandResultSchema, bytes);
  }
}

describe('at the intake', () => {
  test('what the policy forbids is refused before it is journalled, with rule, wanted and allowed', () => {
    const bench = new Bench('vmids: 200-299');
    expect(bench.take('good', ensure(200))).toBeUndefined();
    const failure = bench.take('bad', ensure(300));
    expect(failure).toMatchObject({
      reason: 'POLICY_VIOLATION',
      retryable: false,
      parameters: { rule: 'vmids', wanted: '300', allowed: '200-299' },
    });
    expect(failure?.message).toContain('vmids would be 300, allowed is 200-299');
    expect(bench.journal.size()).toBe(1);
  });

  test('under a policy that can not be used no work is taken; a ping is answered', async () => {
    const bench = new Bench('{}');
    bench.state = { kind: 'broken', problem: 'policy.yaml:3:5: exec must be on or off' };
    const failure = bench.take('c', ensure(200));
    expect(failure).toMatchObject({ reason: 'POLICY_INVALID', retryable: true });
    expect(failure?.message).toContain('policy.yaml:3:5: exec must be on or off');
    expect(bench.take('p', ping, false)).toBeUndefined();
    await bench.clock.pass(0);
    expect(bench.end('p')?.outcome).toBe(Outcome.SUCCEEDED);
  });
});

describe('whom secrets are told to', () => {
  const key = new Uint8Array(32).fill(9);
  const listed = `recipients: [${recipientText(key)}]`;
  const reveal = (recipientPublicKey: Uint8Array<ArrayBuffer>) =>
    create(CommandPayloadSchema, { op: { case: 'revealOutputs', value: { recipientPublicKey } } }).op;

  test('is the policy’s to say: nobody by default, nor under a policy that is none or can not be used', async () => {
    const bench = new Bench(listed);
    expect(bench.take('good', reveal(key), false)).toBeUndefined();
    await bench.clock.pass(0);
    expect(bench.effects).toEqual(['good']);
    const other = bench.take('other', reveal(new Uint8Array(32).fill(8)), false);
    expect(other).toMatchObject({
      reason: 'POLICY_VIOLATION',
      parameters: {
        rule: 'recipients',
        wanted: recipientText(new Uint8Array(32).fill(8)),
        allowed: recipientText(key),
      },
    });
    // The person is not led to let in a key that somebody else put into the command.
    expect(other?.remedy).toContain('recipients: [tfk_…]');
    expect(bench.take('short', reveal(new Uint8Array(3)), false)?.parameters['wanted']).toBe('no key');
    bench.rule('{}');
    expect(bench.take('unnamed', reveal(key), false)?.parameters['allowed']).toBe('none');
    bench.state = { kind: 'none', policy: everything };
    expect(bench.take('none', reveal(key), false)?.parameters['rule']).toBe('recipients');
    bench.state = { kind: 'broken', problem: 'x' };
    expect(bench.take('broken', reveal(key), false)?.reason).toBe('POLICY_INVALID');
    expect(bench.effects).toEqual(['good']);
  });

  test('is asked again when the command runs', async () => {
    const bench = new Bench(listed);
    bench.runner.hold();
    expect(bench.take('c', reveal(key), false)).toBeUndefined();
    bench.rule('{}');
    bench.runner.resume();
    await bench.clock.pass(0);
    expect(bench.end('c')?.failure).toMatchObject({ reason: 'POLICY_VIOLATION', parameters: { rule: 'recipients' } });
    expect(bench.effects).toEqual([]);
  });
});

test('a server is not started again by the agent itself against the policy', () => {
  const bench = new Bench('vmids: 100-199');
  const server = (vmid: number) => create(EnsureServerSchema, { vmid, image: 'i' });
  expect(bench.enforcer.objection(server(150))).toBeUndefined();
  expect(bench.enforcer.objection(server(200))).toMatch(/policy does not allow it: vmids/);
  bench.state = { kind: 'broken', problem: 'line 1' };
  expect(bench.enforcer.objection(server(150))).toMatch(/takes no work/);
});

test('what keeps a server as it was asked for is done at any time, and runs nothing where exec is off', () => {
  // The bench's clock stands on a Friday morning.
  const closed = (outside: string) =>
    `exec: off\nwindows: { timeZone: UTC, allow: [{ days: sun, from: "01:00", to: "02:00" }], outside: [${outside}] }`;
  const bench = new Bench(closed('offline_ok'));
  const server = create(EnsureServerSchema, { vmid: 150, image: 'i' });
  expect(bench.enforcer.objection(server)).toBeUndefined();
  expect(bench.enforcer.objection(server, true)).toMatch(/policy does not allow it: exec/);
  bench.rule(closed('reads'));
  expect(bench.enforcer.objection(server)).toMatch(/policy does not allow it: windows/);
});

describe('without a policy', () => {
  test('everything is done that the site can do', async () => {
    const bench = new Bench('{}');
    bench.state = { kind: 'none', policy: everything };
    bench.there.storages = ['slow'];
    bench.take('c', ensure(1));
    await bench.permit('c');
    expect(bench.effects).toEqual(['c']);
    expect(bench.looks).toBe(0);
  });
});

describe('before the effect', () => {
  test('a policy that changes while the hypervisor is asked is judged by what it depends on', async () => {
    const bench = new Bench('limits: { servers: 9 }');
    bench.there = { servers: [], storages: ['slow'] };
    bench.take('c', ensure(200));
    bench.asked = () => {
      if (bench.looks === 1) bench.rule('storages: [fast]');
    };
    await bench.permit('c');
    expect(bench.looks).toBe(2);
    expect(bench.end('c')?.failure?.parameters['rule']).toBe('storages');
  });

  test('the policy that is in force then decides', async () => {
    const bench = new Bench('{}');
    bench.take('c', ensure(200));
    bench.rule('vmids: 300-399');
    await bench.permit('c');
    expect(bench.effects).toEqual([]);
    expect(bench.end('c')).toMatchObject({
      outcome: Outcome.FAILED,
      effect: Effect.NONE,
      failure: { reason: 'POLICY_VIOLATION', parameters: { rule: 'vmids' } },
    });
  });

  test('the time then decides', async () => {
    const bench = new Bench('windows: { timeZone: Etc/UTC, allow: [{ from: "08:00", to: "09:00" }] }');
    bench.wall = Date.parse('2026-11-25T08:59:00Z');
    expect(bench.take('c', ensure(200))).toBeUndefined();
    bench.wall += 60_000;
    await bench.permit('c');
    expect(bench.end('c')?.failure).toMatchObject({ parameters: { rule: 'windows' }, retryable: true });
    expect(bench.take('d', ensure(200))?.parameters['rule']).toBe('windows');
  });

  test('a policy that broke meanwhile stops it, also after a crash', async () => {
    const bench = new Bench('{}');
    bench.held = true;
    bench.take('c', ensure(200));
    await bench.permit('c');
    expect(bench.effects).toEqual(['c']);
    bench.state = { kind: 'broken', problem: 'gone' };
    bench.restart();
    await bench.clock.pass(0);
    expect(bench.effects).toEqual([]);
    expect(bench.end('c')?.failure?.reason).toBe('POLICY_INVALID');
  });

  test('the hypervisor is asked where the disks go, and only when a rule speaks of it', async () => {
    const bench = new Bench('{}');
    bench.there.storages = ['slow'];
    bench.take('a', ensure(200));
    await bench.permit('a');
    expect(bench.looks).toBe(0);
    bench.rule('storages: [fast]');
    bench.take('b', ensure(201));
    await bench.permit('b');
    expect(bench.end('b')?.failure?.parameters).toMatchObject({ rule: 'storages', wanted: 'slow' });
    expect(bench.effects).toEqual(['a']);
  });

  test('servers are counted with those that are being made; the first ones that came in get the places', async () => {
    const bench = new Bench('limits: { servers: 4 }');
    bench.held = true;
    bench.there.servers = [200, 201];
    for (const vmid of [202, 203, 204]) bench.take(`c${vmid}`, ensure(vmid));
    await bench.permit('c204', 'c203', 'c202');
    expect(bench.effects.toSorted()).toEqual(['c202', 'c203']);
    expect(bench.end('c204')?.failure?.parameters).toMatchObject({ rule: 'limits.servers', wanted: '5' });
    // One that is there already takes no further place.
    bench.take('again', ensure(200));
    await bench.permit('again');
    expect(bench.effects).toContain('again');
  });
});

describe('deletes per hour', () => {
  test('are counted across restarts; an hour later there is room again', async () => {
    const bench = new Bench('limits: { deletesPerHour: 2 }');
    for (const id of ['a', 'b']) {
      expect(bench.take(id, remove(200))).toBeUndefined();
      await bench.permit(id);
      bench.wall += 60_000;
    }
    bench.restart();
    expect(bench.take('c', remove(202))).toMatchObject({
      reason: 'POLICY_VIOLATION',
      retryable: true,
      parameters: { rule: 'limits.deletesPerHour', wanted: '3', allowed: 'at most 2' },
    });
    // An hour after the first one, to the millisecond.
    bench.wall += hourMs - 2 * 60_000 - 1;
    expect(bench.take('c', remove(202))?.reason).toBe('POLICY_VIOLATION');
    bench.wall += 1;
    expect(bench.take('c', remove(202))).toBeUndefined();
  });

  test('count those that wait, each once', async () => {
    const bench = new Bench('limits: { deletesPerHour: 2 }');
    bench.held = true;
    expect(bench.take('a', remove(200))).toBeUndefined();
    await bench.permit('a');
    // `a` is noted and at work: still one.
    expect(bench.take('b', remove(201))).toBeUndefined();
    expect(bench.take('c', remove(202))?.reason).toBe('POLICY_VIOLATION');
    expect(bench.take('make', ensure(203))).toBeUndefined();
  });

  test('are counted when they begin: many that were let in over hours do not begin at once', async () => {
    const bench = new Bench('limits: { deletesPerHour: 9 }');
    for (const id of ['a', 'b', 'c']) bench.take(id, remove(Number(`20${id.charCodeAt(0)}`)));
    bench.rule('limits: { deletesPerHour: 2 }');
    await bench.permit('a', 'b', 'c');
    expect(bench.effects).toHaveLength(2);
  });

  test('one that runs again after a crash is still the same one', async () => {
    const bench = new Bench('limits: { deletesPerHour: 1 }');
    bench.held = true;
    bench.take('a', remove(200));
    await bench.permit('a');
    bench.restart();
    await bench.clock.pass(0);
    expect(bench.effects).toEqual(['a']);
  });

  test('a clock that was put back gives no more of them', async () => {
    const bench = new Bench('limits: { deletesPerHour: 1 }');
    bench.take('a', remove(200));
    await bench.permit('a');
    bench.wall -= 5 * hourMs;
    expect(bench.take('b', remove(201))?.reason).toBe('POLICY_VIOLATION');
  });
});

describe('what one command removes of several', () => {
  test('counts each as a deletion, once however often it is asked, and keeps to the range', () => {
    const bench = new Bench('vmids: 20000-29999\nlimits: { deletesPerHour: 2 }');
    for (const vmid of [20_001, 20_001, 20_002]) bench.enforcer.mayRemove(`cmd_1/${vmid}`, vmid);
    expect(() => bench.enforcer.mayRemove('cmd_1/20003', 20_003)).toThrow('limits.deletesPerHour');
    bench.enforcer.mayRemove('cmd_1/20002', 20_002);
    bench.wall += hourMs;
    bench.enforcer.mayRemove('cmd_1/20003', 20_003);
    expect(() => bench.enforcer.mayRemove('cmd_1/300', 300)).toThrow('vmids');
  });
});
