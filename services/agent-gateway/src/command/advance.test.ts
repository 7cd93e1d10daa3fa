import fc from 'fast-check';
import { expect, it } from 'vitest';
import { advance, type Fact, type Word } from './advance.ts';
import { isActive, isTerminal, mayMove, type Command, type Outcome } from './command.ts';

const queued = (id: string, needsPermit = true): Command => ({
  id,
  agentId: 'agt',
  resourceKey: 'pve:a/1',
  needsPermit,
  payloadSha256: 'aa',
  startBy: 1_000_000,
  runTimeoutMs: 1_000,
  state: 'QUEUED',
  permitNo: 0,
  cancelRequested: false,
  incarnation: null,
  startedAt: null,
  endedAt: null,
  runUntil: null,
  effect: 'UNSPECIFIED',
  failure: null,
  output: null,
  resultSha256: null,
  lateResult: null,
});

const nothing = new Uint8Array();
const done: Outcome = { state: 'SUCCEEDED', effect: 'FULL', failure: null, output: nothing, sha256: 'done' };

/** Database, network and agent in one: words wait on the wire of their session, and may be lost, doubled, reordered and late. */
class Schedule {
  readonly commands = new Map<string, Command>();
  /** The agent's journal: survives its crashes. */
  journal = new Map<string, 'accepted' | 'running' | 'ended'>();
  readonly effects = new Map<string, number>();
  readonly permits = new Map<string, Set<number>>();
  readonly #toAgent: { epoch: number; id: string; word: Word }[] = [];
  readonly #toGateway: { epoch: number; incarnation: string; id: string; fact: Fact }[] = [];
  #epoch = 1;
  #incarnation = 1;
  now = 0;

  constructor(ids: readonly string[]) {
    for (const [i, id] of ids.entries()) this.commands.set(id, queued(id, i % 3 !== 2));
  }

  get incarnation(): string {
    return `i${this.#incarnation}`;
  }

  apply(id: string, fact: Fact, epoch = this.#epoch, incarnation = this.incarnation): void {
    const command = this.commands.get(id);
    if (command === undefined) return;
    const current = epoch === this.#epoch;
    if (!current && fact.kind !== 'result') return;
    const resourceBusy = [...this.commands.values()].some((c) => c.id !== id && c.needsPermit && isActive(c.state));
    const step = advance(command, fact, { now: this.now, mayBegin: current, incarnation, resourceBusy });
    const after = step.command;
    if (after.state !== command.state)
      expect(mayMove(command.state, after.state), `${command.state} to ${after.state} by ${fact.kind}`).toBe(true);
    if (isTerminal(command.state)) expect({ ...after, lateResult: null }).toEqual({ ...command, lateResult: null });
    if (after.needsPermit && (after.state === 'RUNNING' || after.state === 'SUCCEEDED')) expect(after.permitNo).toBe(1);
    this.commands.set(id, after);
    expect([...this.commands.values()].filter((c) => c.needsPermit && isActive(c.state)).length).toBeLessThanOrEqual(1);
    for (const word of step.words) {
      expect(word.kind).not.toBe('violation');
      if (word.kind === 'permit') (this.permits.get(id) ?? this.permits.set(id, new Set()).get(id))?.add(word.permitNo);
      this.#toAgent.push({ epoch: this.#epoch, id, word });
    }
  }

  /** The agent hears the `i`th word on the wire; `keep` leaves it there to come again. */
  deliver(i: number, keep: boolean): void {
    const at = i % Math.max(1, this.#toAgent.length);
    const said = this.#toAgent[at];
    if (said === undefined) return;
    if (!keep) this.#toAgent.splice(at, 1);
    // Frames of a stream that is gone do not arrive.
    if (said.epoch === this.#epoch) this.#hear(said.id, said.word);
  }

  #hear(id: string, word: Word): void {
    const needsPermit = this.commands.get(id)?.needsPermit ?? true;
    switch (word.kind) {
      case 'send':
        if (!this.journal.has(id)) this.journal.set(id, needsPermit ? 'accepted' : 'running');
        return this.#report(id, { kind: 'accepted', payloadSha256: 'aa' });
      case 'permit':
        if (this.journal.get(id) !== 'accepted') return;
        this.journal.set(id, 'running');
        return void this.effects.set(id, (this.effects.get(id) ?? 0) + 1);
      case 'cancel':
        if (this.journal.get(id) === 'accepted') this.journal.delete(id);
        return;
      case 'ack':
        if (this.journal.get(id) === 'ended') this.journal.delete(id);
        return;
      case 'violation':
        return;
    }
  }

  #report(id: string, fact: Fact): void {
    this.#toGateway.push({ epoch: this.#epoch, incarnation: this.incarnation, id, fact });
  }

  finish(i: number): void {
    const running = [...this.journal].filter(([, at]) => at === 'running');
    const [id] = running[i % Math.max(1, running.length)] ?? [];
    if (id === undefined) return;
    this.journal.set(id, 'ended');
    this.#report(id, { kind: 'result', outcome: done, bytes: nothing });
  }

  arrive(i: number, keep: boolean): void {
    const at = i % Math.max(1, this.#toGateway.length);
    const said = this.#toGateway[at];
    if (said === undefined) return;
    if (!keep) this.#toGateway.splice(at, 1);
    this.apply(said.id, said.fact, said.epoch, said.incarnation);
  }

  lose(i: number): void {
    this.#toAgent.splice(i % Math.max(1, this.#toAgent.length), 1);
    this.#toGateway.splice(i % Math.max(1, this.#toGateway.length), 1);
  }

  /** A new session, of the same journal or (the data folder was lost) of a new one. */
  reconnect(sameIncarnation: boolean): void {
    for (const id of this.commands.keys()) this.apply(id, { kind: 'sessionLost' });
    this.#epoch++;
    if (!sameIncarnation) {
      this.#incarnation++;
      this.journal = new Map();
    }
    for (const id of this.commands.keys())
      this.apply(id, { kind: 'reconnected', held: this.journal.get(id) ?? 'nothing', sameIncarnation });
    for (const [id, at] of this.journal)
      if (at === 'ended') this.#report(id, { kind: 'result', outcome: done, bytes: nothing });
  }

  /** No more faults: everything is delivered, again and again. */
  settle(): void {
    for (let round = 0; round < 30; round++) {
      this.reconnect(true);
      for (const id of this.commands.keys()) {
        this.apply(id, { kind: 'permit' });
        this.apply(id, { kind: 'dispatch' });
      }
      for (let i = 0; i < 40; i++) {
        this.deliver(0, false);
        this.finish(0);
        this.arrive(0, false);
      }
    }
  }
}

type Fault = readonly [
  name:
    | 'dispatch'
    | 'deliver'
    | 'twice'
    | 'finish'
    | 'arrive'
    | 'arriveTwice'
    | 'lose'
    | 'reconnect'
    | 'reborn'
    | 'cancel'
    | 'permit'
    | 'late',
  i: number,
];
const fault: fc.Arbitrary<Fault> = fc.tuple(
  fc.constantFrom(
    'dispatch',
    'dispatch',
    'deliver',
    'deliver',
    'deliver',
    'twice',
    'finish',
    'arrive',
    'arrive',
    'arrive',
    'arriveTwice',
    'lose',
    'reconnect',
    'reborn',
    'cancel',
    'permit',
    'late',
  ),
  fc.nat(100),
);
const ids = ['a', 'b', 'c', 'd'];

it('keeps its promises under every schedule of faults: one effect at most, one permit, legal moves, a known end', () => {
  fc.assert(
    fc.property(fc.array(fault, { maxLength: 120 }), (faults) => {
      const run = new Schedule(ids);
      for (const [name, i] of faults) {
        const id = ids[i % ids.length] ?? 'a';
        run.now += i;
        if (name === 'dispatch' || name === 'permit') run.apply(id, { kind: name });
        else if (name === 'deliver' || name === 'twice') run.deliver(i, name === 'twice');
        else if (name === 'finish') run.finish(i);
        else if (name === 'arrive' || name === 'arriveTwice') run.arrive(i, name === 'arriveTwice');
        else if (name === 'lose') run.lose(i);
        else if (name === 'cancel') run.apply(id, { kind: 'cancel', failure: nothing });
        else if (name === 'late') run.apply(id, { kind: 'expire', failure: nothing });
        else run.reconnect(name === 'reconnect');
      }
      run.settle();
      run.now = 2_000_000;
      for (const id of ids) run.apply(id, { kind: 'expire', failure: nothing });
      for (const [id, command] of run.commands) {
        expect(isTerminal(command.state) || command.state === 'UNKNOWN', `${id} ended as ${command.state}`).toBe(true);
        expect(run.effects.get(id) ?? 0).toBeLessThanOrEqual(1);
        expect(run.permits.get(id)?.size ?? 0).toBeLessThanOrEqual(1);
        if (command.effect === 'NONE' && command.permitNo === 0) expect(run.effects.get(id) ?? 0).toBe(0);
      }
    }),
    { numRuns: 500 },
  );
});
