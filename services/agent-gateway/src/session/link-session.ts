// Long, as one stream's state (window, claims, pending frames) has this one owner.
import { create, toBinary } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { CommandSchema, type CommandResult } from '@truffle/api/agent/v1/command';
import type { Hello } from '@truffle/api/agent/v1/link';
import { FailureSchema } from '@truffle/api/type/v1/failure';
import { InventoryKeeper } from '../agent/inventory.keeper.ts';
import type { Fact, Word } from '../command/advance.ts';
import { CommandSpans } from '../command/command-spans.ts';
import { isTerminal } from '../command/command.ts';
import { outcomeOf } from '../command/command.codec.ts';
import type { CommandLoad } from '../command/command.repo.ts';
import type { SessionRef } from '../command/flow.ts';
import { KeptNotes } from './kept.ts';
import { Outbox, type LinkCall } from './outbox.ts';
import {
  newSession,
  turn,
  type Doubt,
  type Phase,
  type SessionEffect,
  type SessionInput,
  type SessionState,
  type WorkFrame,
} from './session.ts';
import type { SessionParts } from './session-parts.ts';
import type { PeerIdentity } from './standing.ts';

/** Frames that wait for the database; beyond it the stream is not read. */
const mostPending = 256;

/** One agent's stream: carries out what the session's state machine says, and keeps the agent's window of commands. */
export class LinkSession {
  readonly identity: PeerIdentity;
  readonly #parts: SessionParts;
  readonly #call: LinkCall;
  readonly #outbox: Outbox;
  #state: SessionState;
  #hello: Hello | undefined;
  #ref: SessionRef | undefined;
  #sameIncarnation = false;
  /** Work that came before the Ready was stored. */
  #early: WorkFrame[] = [];
  #online = false;
  #pending = 0;
  /** Commands sent and not ended, those that wait for a permit apart. */
  readonly #window = new Map<string, 'sent' | 'waiting' | 'running'>();
  readonly #spans: CommandSpans;
  #claiming = false;
  #claimAgain = false;
  /** More may be queued than a doorbell will tell of: a claim was cut short, or it rang too early. */
  #moreQueued = false;
  readonly #inventory: InventoryKeeper;
  readonly #kept: KeptNotes;
  #closing: Promise<void> | undefined;

  constructor(call: LinkCall, identity: PeerIdentity, parts: SessionParts) {
    this.identity = identity;
    this.#spans = new CommandSpans(identity.agentId);
    this.#parts = parts;
    this.#inventory = new InventoryKeeper(parts);
    this.#kept = new KeptNotes(parts.store, (frame) => this.#outbox.send(frame));
    this.#call = call;
    this.#state = newSession(parts.now());
    this.#outbox = new Outbox(
      call,
      () => this.#dismiss('TOO_SLOW', 'the agent does not read what it is sent'),
      () => this.wake(),
    );
    call.on('data', (message) => this.input({ kind: 'frame', frame: message.frame }));
    call.on('end', () => this.input({ kind: 'streamEnded' }));
    call.on('error', () => this.input({ kind: 'streamEnded' }));
    call.on('cancelled', () => this.input({ kind: 'streamEnded' }));
  }

  get epoch(): number {
    return this.#state.epoch;
  }

  get online(): boolean {
    return this.#online;
  }

  /** Ids of commands that this session believes open. */
  get held(): Iterable<string> {
    return this.#window.keys();
  }

  /** Resolves when the end of the session is stored. */
  get closed(): Promise<void> {
    return this.#closing ?? Promise.resolve();
  }

  input(input: SessionInput): void {
    const step = turn(this.#state, input, this.#parts.now());
    this.#state = step.state;
    for (const effect of step.effects) this.#do(effect);
  }

  /** Tells the agent to move to another gateway within `deadlineMs`. */
  drain(reconnectInMs: number, deadlineMs: number): void {
    if (this.#online)
      this.#outbox.send({ case: 'drain', value: { $typeName: 'truffle.agent.v1.Drain', reconnectInMs, deadlineMs } });
    else this.#dismiss('DRAINING', 'the gateway is leaving', reconnectInMs);
  }

  /** Drops everything without a word, as a crash would. */
  abandon(): void {
    this.#state = { ...this.#state, phase: 'ended' };
    this.#online = false;
  }

  /** Looks for queued commands, as far as the agent's window and the stream have room. */
  wake(): void {
    if (this.#claiming) this.#claimAgain = true;
    else void this.#claim();
  }

  /** The database calls these sent on this session: what was not, as the answer to its claim was lost, is queued again. */
  reconcile(dispatched: readonly string[]): void {
    if (this.#claiming) return;
    for (const id of dispatched) if (!this.#window.has(id)) this.#step(id, { kind: 'sessionLost' });
  }

  /** A sweep took this gateway for dead and closed the session in the database; it stands, and is opened again there. */
  resume(): void {
    if (this.#online && this.#ref !== undefined) this.#background(this.#parts.store.resume(this.#ref));
  }

  /** Asks the agent to stop a command, and to forget one that has no permit. */
  cancel(commandId: string): void {
    if (this.#online)
      this.#outbox.send({ case: 'cancel', value: { $typeName: 'truffle.agent.v1.CancelCommand', commandId } });
  }

  /** Looks again at commands that wait for a permit: their resource may be free, or they may have been called off. */
  permitWaiting(): void {
    for (const [id, at] of this.#window) if (at === 'waiting') this.#step(id, { kind: 'permit' });
  }

  /** A command ended otherwise than by this session's word. */
  settled(commandId: string): void {
    this.#spans.ended(commandId, 'ENDED_ELSEWHERE');
    if (this.#window.delete(commandId)) this.cancel(commandId);
    this.wake();
  }

  #do(effect: SessionEffect): void {
    switch (effect.kind) {
      case 'open':
        this.#hello = effect.hello;
        return this.#background(this.#open(effect.hello));
      case 'send':
        return this.#outbox.send(effect.frame);
      case 'confirm':
        return this.#background(this.#confirm());
      case 'begin':
        return this.#begin();
      case 'quarantine':
        return this.#background(this.#convict(effect.doubt));
      case 'work':
        return void (this.#online
          ? this.#work(effect.frame)
          : this.#early.length < mostPending
            ? this.#early.push(effect.frame)
            : undefined);
      case 'finish':
        return this.#finish(effect.why);
    }
  }

  async #open(hello: Hello): Promise<void> {
    const opening = await this.#parts.store.open(this.identity, hello);
    if (opening.kind === 'refused' && opening.quarantine) return this.input({ kind: 'doubted', doubt: opening });
    if (opening.kind === 'refused') return this.#dismiss(opening.reason, opening.message, opening.retryAfterMs);
    this.#ref = opening.session;
    this.#sameIncarnation = opening.sameIncarnation;
    this.input({ kind: 'opened', epoch: opening.session.epoch, welcome: opening.welcome });
    // The stream may have ended while the session was being stored.
    const phase: Phase = this.#state.phase;
    if (phase === 'ended') await this.#parts.store.close(opening.session, 'STREAM_ENDED');
    else this.#parts.offered(this);
  }

  async #convict({ reason, message }: Doubt): Promise<void> {
    await this.#parts.store.quarantine(this.identity, { reason, message }, this.#hello);
    this.#dismiss(reason, message);
  }

  async #confirm(): Promise<void> {
    const { store } = this.#parts;
    const [ref, hello] = [this.#ref, this.#hello];
    if (ref === undefined || hello === undefined) return;
    const reunion = await store.confirm(ref, this.identity.certificateSerial, hello, this.#sameIncarnation);
    if (reunion === undefined) return this.#dismiss('SUPERSEDED', 'a newer session of this agent is open');
    this.#moreQueued ||= reunion.moved.some(({ after }) => after.state === 'QUEUED');
    const words: (() => void)[] = [];
    for (const load of reunion.loads) words.push(() => this.#send(load));
    for (const id of reunion.unknown) words.push(() => this.cancel(id));
    for (const { after, words: said } of reunion.moved) {
      if (after.state === 'ACCEPTED') this.#window.set(after.id, 'waiting');
      else if (after.state === 'RUNNING') this.#window.set(after.id, 'running');
      words.push(() => this.#say(after.id, said));
    }
    this.input({ kind: 'confirmed' });
    for (const word of words) word();
  }

  #begin(): void {
    this.#online = true;
    for (const frame of this.#early.splice(0)) this.#work(frame);
    if (this.#moreQueued) this.wake();
  }

  #work(frame: WorkFrame): void {
    const ref = this.#ref;
    if (ref === undefined) return;
    switch (frame.case) {
      case 'accepted':
        return this.#step(frame.value.commandId, {
          kind: 'accepted',
          payloadSha256: Buffer.from(frame.value.payloadSha256).toString('hex'),
        });
      case 'rejected': {
        const failure = frame.value.failure ?? create(FailureSchema, { reason: 'REJECTED' });
        const retryable = failure.reason === 'NOT_ACCEPTING';
        return this.#step(frame.value.commandId, {
          kind: 'rejected',
          failure: toBinary(FailureSchema, failure),
          retryable,
        });
      }
      case 'result':
        return this.#result(frame.value);
      case 'progress':
        return this.#parts.reports.progress(ref, frame.value);
      case 'logs':
        return this.#parts.reports.logs(ref, frame.value);
      case 'inventory':
        return this.#background(this.#inventory.keep(ref, frame.value));
      case 'kept':
        return this.#background(this.#kept.note(ref, frame.value));
    }
  }

  #result(result: CommandResult): void {
    const read = outcomeOf(result);
    if (read === undefined) return this.#dismiss('PROTOCOL_VIOLATION', 'a result says no outcome');
    this.#step(result.commandId, { kind: 'result', ...read });
  }

  #step(commandId: string, fact: Fact): void {
    const session = this.#ref;
    if (session === undefined) return;
    this.#hold(1);
    this.#parts.flow
      .submit({ session, commandId, fact })
      .then(({ words, state }) => {
        const freed = state === undefined || isTerminal(state) || state === 'QUEUED';
        if (freed) {
          this.#window.delete(commandId);
          this.#spans.ended(commandId, state ?? 'ENDED_ELSEWHERE');
        } else if (this.#window.has(commandId) || state === 'RUNNING' || state === 'ACCEPTED')
          this.#window.set(commandId, state === 'ACCEPTED' ? 'waiting' : state === 'RUNNING' ? 'running' : 'sent');
        this.#say(commandId, words);
        if (freed && state !== 'QUEUED') this.#roomAgain();
        else if (state === 'QUEUED' && fact.kind === 'sessionLost' && this.#outbox.open) this.wake();
      })
      .catch((error: unknown) => this.#failed(error))
      .finally(() => this.#hold(-1));
  }

  #roomAgain(): void {
    this.permitWaiting();
    if (this.#moreQueued) this.wake();
  }

  #say(commandId: string, words: readonly Word[]): void {
    for (const word of words) {
      switch (word.kind) {
        case 'permit':
          this.#outbox.send({
            case: 'permit',
            value: { $typeName: 'truffle.agent.v1.Permit', commandId, permitNo: word.permitNo },
          });
          break;
        case 'ack':
          this.#outbox.send({
            case: 'resultAck',
            value: { $typeName: 'truffle.agent.v1.ResultAck', commandId, terminal: word.terminal },
          });
          break;
        case 'cancel':
          this.cancel(commandId);
          break;
        case 'violation':
          this.#violated(word.reason);
          break;
        case 'send':
          break;
      }
    }
  }

  #violated(reason: string): void {
    const message = 'the agent broke the protocol';
    this.#background(this.#parts.store.quarantine(this.identity, { reason, message }));
    this.#dismiss(reason, `${message} and gets no work until it is released or enrolled anew`, 300_000);
  }

  async #claim(): Promise<void> {
    this.#claiming = true;
    try {
      do {
        this.#claimAgain = false;
        const room = Math.min(64, this.#room());
        if (room <= 0 || this.#ref === undefined) {
          this.#moreQueued = true;
          break;
        }
        const loads = await this.#parts.flow.claim({ session: this.#ref, room });
        const back = loads.filter((load) => !this.#sent(load));
        for (const { id } of back) this.#step(id, { kind: 'sessionLost' });
        this.#moreQueued = loads.length === room || back.length > 0;
        if (loads.length === room && back.length === 0) this.#claimAgain = true;
      } while (this.#claimAgain && this.#online);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#claiming = false;
    }
  }

  /** Sends a claimed command; false when the agent reads too slowly for it: it is queued again, not held here. */
  #sent(load: CommandLoad): boolean {
    if (!this.#outbox.fits(load.payload.length)) return false;
    this.#send(load);
    return true;
  }

  #room(): number {
    if (!this.#online || !this.#parts.leased() || !this.#outbox.open) return 0;
    return Math.max(1, Math.min(256, this.#hello?.maxInFlight ?? 1)) - this.#window.size;
  }

  #send(load: CommandLoad): void {
    if (!this.#window.has(load.id)) this.#window.set(load.id, 'sent');
    const value = create(CommandSchema, {
      ...load,
      traceparent: this.#spans.sent(load),
      runTimeout: durationFromMs(load.runTimeoutMs),
      startBy: timestampFromDate(load.startBy),
    });
    this.#outbox.send({ case: 'command', value });
  }

  #hold(by: 1 | -1): void {
    this.#pending += by;
    if (this.#pending > mostPending) this.#call.pause();
    else if (by === -1 && this.#call.isPaused()) this.#call.resume();
  }

  #background(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#parts.logger.warn({ err: error, agentId: this.identity.agentId }, 'a session could not go on');
    this.#dismiss(
      'UNAVAILABLE',
      'the gateway cannot reach its database',
      1_000 + Math.floor(this.#parts.random() * 4_000),
    );
  }

  #dismiss(reason: string, message: string, retryAfterMs = 0): void {
    this.input({ kind: 'dismissed', reason, message, retryAfterMs });
  }

  #finish(why: string): void {
    this.#online = false;
    this.#spans.close();
    this.#window.clear();
    this.#outbox.end();
    this.#call.resume();
    const ref = this.#ref;
    this.#closing =
      ref === undefined || this.#state.epoch === 0
        ? Promise.resolve()
        : this.#parts.store
            .close(ref, why)
            .catch((error: unknown) =>
              this.#parts.logger.warn(
                { err: error, agentId: ref.agentId },
                'the end of a session was not stored; a sweep will',
              ),
            );
    this.#parts.finished(this, why);
  }
}
