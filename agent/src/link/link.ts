import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { InventorySchema, type Inventory } from '@truffle/api/agent/v1/agent';
import { HelloSchema, type Hello, type LinkRequest } from '@truffle/api/agent/v1/link';
import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import type { Reports } from '../command/report.ts';
import { maxInFlight, type Runner } from '../command/runner.ts';
import type { Journal } from '../journal/journal.ts';
import { frame, partLimit } from './frame.ts';
import type { Action, Input, Session, StreamNo, WorkFrame } from './phase.ts';
import { advance, newSession, wakeAt } from './session.ts';
import type { Dialer, Stream } from './stream.ts';

const protocolVersion = 1;
/** How long progress and log lines wait for more of their kind. */
const gatherMs = 50;
/** Answers that wait for room; beyond it nothing is read until half of them went. */
const queueLimit = 256;

export interface LinkDeps {
  readonly journal: Journal;
  readonly runner: Runner;
  readonly reports: Reports;
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Where enrolment or recovery said to dial; a session's word goes before it. */
  readonly endpoints: readonly string[];
  /** Where the operator says to dial, before all else; empty for nowhere. */
  readonly preferred?: readonly string[];
  /** No gateway was reached for so long that the process is to start anew. */
  readonly despair?: () => void;
  /** Version of the program. */
  readonly version: string;
  /** A gateway refused the agent, for whatever reason, on a stream that was dialled at `dialledAt` (monotonic milliseconds). */
  readonly refused?: (refusal: { readonly reason: string; readonly message: string }, dialledAt: number) => void;
  /** There is a session. */
  readonly welcomed?: () => void;
}

/** Runs the session: gives it time and what the network says, and does what it answers. */
export class Link {
  readonly #deps: LinkDeps;
  readonly #streams = new Map<StreamNo, Stream>();
  #session: Session;
  #disarm: (() => void) | undefined;
  /** The stream that work runs over. */
  #live: StreamNo | undefined;
  #queue: LinkRequest[] = [];
  #blocked = false;
  #paused = false;
  #gathering: (() => void) | undefined;
  #inventory: { readonly value: Inventory; due: boolean } | undefined;

  constructor(deps: LinkDeps) {
    this.#deps = deps;
    const known = deps.journal.standing().endpoints;
    const all = new Set([...(deps.preferred ?? []), ...known, ...deps.endpoints]);
    this.#session = newSession([...all], deps.clock.now());
  }

  /** Whether there is a session. */
  get ready(): boolean {
    return this.#live !== undefined;
  }

  start(): void {
    this.#input({ on: 'tick' });
  }

  /** Sends what is left to send, then closes every stream. */
  stop(): void {
    this.#pump();
    this.#gathering?.();
    this.#input({ on: 'stop' });
    this.#live = undefined;
  }

  /**
   * Opens a session anew, with what the dialer has now, before the present one is left; without one it dials at once. No endpoints leave
   * the known ones as they are.
   */
  move(endpoints: readonly string[] = []): void {
    const all = endpoints.length === 0 ? [] : [...new Set([...(this.#deps.preferred ?? []), ...endpoints])];
    this.#input({ on: 'move', endpoints: all });
  }

  /** Something waits in `reports`. */
  wake(urgency: 'now' | 'soon'): void {
    if (this.#live === undefined) return;
    if (urgency === 'now') this.#pump();
    else
      this.#gathering ??= this.#deps.clock.after(gatherMs, () => {
        this.#gathering = undefined;
        this.#pump();
      });
  }

  /** What the site has; sent now and on each new session. */
  tellInventory(value: Inventory): void {
    const bytes = toBinary(InventorySchema, value).length;
    if (bytes > partLimit) {
      this.#deps.log.error({ bytes, limit: partLimit }, 'the inventory is too large to be told');
      return;
    }
    this.#inventory = { value, due: true };
    this.#pump();
  }

  #input(input: Input): void {
    const { clock, random } = this.#deps;
    const [session, actions] = advance(this.#session, input, { now: clock.now(), random });
    this.#session = session;
    for (const action of actions) this.#do(action);
    this.#arm();
  }

  #arm(): void {
    this.#disarm?.();
    const at = wakeAt(this.#session);
    this.#disarm =
      at === undefined
        ? undefined
        : this.#deps.clock.after(Math.max(0, at - this.#deps.clock.now()), () => this.#input({ on: 'tick' }));
  }

  #do(action: Action): void {
    const { log, journal, reports } = this.#deps;
    switch (action.do) {
      case 'dial':
        log.debug({ endpoint: action.endpoint, stream: action.stream }, 'dialling');
        this.#dial(action.stream, action.endpoint);
        return;
      case 'greet':
        this.#streams.get(action.stream)?.send(frame({ case: 'hello', value: this.#hello() }));
        return;
      case 'store':
        journal.storeSession(Number(action.epoch), action.continuity, action.endpoints);
        return;
      case 'send':
        this.#send(action.stream, action.frame);
        return;
      case 'use':
        log.info({ epoch: Number(action.epoch) }, 'session ready');
        this.#use(action.stream);
        reports.renew();
        this.#deps.welcomed?.();
        return;
      case 'pause':
        log.warn('no session');
        this.#live = undefined;
        return;
      case 'deliver':
        this.#deliver(action.frame);
        return;
      case 'despair':
        this.#despair();
        return;
      case 'close':
        log.info({ stream: action.stream, why: action.why }, 'closing stream');
        this.#streams.get(action.stream)?.close();
        this.#streams.delete(action.stream);
        return;
    }
  }

  /** What has begun is finished first: that needs no gateway. */
  #despair(): void {
    const { log, runner, despair } = this.#deps;
    if (!runner.idle) log.warn('no gateway for long; the process starts anew once its commands have ended');
    else despair?.();
  }

  #dial(no: StreamNo, endpoint: string): void {
    const dialledAt = this.#deps.clock.now();
    const stream = this.#deps.dialer.dial(endpoint, {
      reached: (step) => {
        this.#deps.log.debug({ endpoint, stream: no, step }, 'dialling');
        this.#input({ on: 'reached', stream: no, step });
      },
      connected: () => this.#input({ on: 'connected', stream: no }),
      received: ({ frame: given }) => {
        if (given.case === 'refusal') this.#deps.refused?.(given.value, dialledAt);
        this.#input({ on: 'frame', stream: no, frame: given });
      },
      drained: () => {
        if (no !== this.#live) return;
        this.#blocked = false;
        this.#pump();
      },
      lost: ({ refused, detail }) => {
        this.#deps.log.warn({ endpoint, stream: no, refused, detail }, 'stream lost');
        this.#streams.delete(no);
        this.#input({ on: 'lost', stream: no, refused });
      },
    });
    this.#streams.set(no, stream);
  }

  #hello(): Hello {
    const { journal, runner, clock, version } = this.#deps;
    const standing = journal.standing();
    return create(HelloSchema, {
      protocolMin: protocolVersion,
      protocolMax: protocolVersion,
      incarnation: standing.incarnation,
      bootNo: BigInt(standing.bootNo),
      journalLsn: BigInt(standing.lsn),
      continuity: standing.continuity,
      inFlight: runner.inFlight(),
      version,
      capabilities: runner.capabilities,
      clock: timestampFromMs(clock.wall()),
      maxInFlight,
    });
  }

  /** Work moves to a new stream. Answers for the old one are dropped: whatever is open there is sent anew by the gateway. */
  #use(no: StreamNo): void {
    this.#live = no;
    this.#queue = [];
    this.#blocked = false;
    this.#paused = false;
    if (this.#inventory !== undefined) this.#inventory.due = true;
  }

  #deliver(work: WorkFrame): void {
    const { runner } = this.#deps;
    switch (work.case) {
      case 'command': {
        const answer = runner.command(work.value);
        if (answer !== undefined && this.#live !== undefined) this.#send(this.#live, answer);
        return;
      }
      case 'permit':
        return runner.permit(work.value.commandId, work.value.permitNo);
      case 'resultAck':
        return runner.acknowledged(work.value.commandId, work.value.terminal);
      case 'cancel':
        return runner.cancel(work.value.commandId);
      case 'keptAck':
        return this.#deps.journal.declared.told(Number(work.value.n));
    }
  }

  /** Frames of the session itself go at once; answers wait their turn on the live stream. */
  #send(no: StreamNo, given: LinkRequest): void {
    if (no !== this.#live) {
      this.#streams.get(no)?.send(given);
      return;
    }
    this.#queue.push(given);
    this.#pump();
    if (this.#queue.length >= queueLimit && !this.#paused) {
      this.#paused = true;
      this.#streams.get(no)?.pause();
    }
  }

  /** Sends while the stream takes it. What does not fit stays where it is bounded: in the journal, in the log buffers. */
  #pump(): void {
    const stream = this.#live === undefined ? undefined : this.#streams.get(this.#live);
    if (stream === undefined) return;
    while (!this.#blocked) {
      const next = this.#queue.shift() ?? this.#takeInventory() ?? this.#deps.reports.take();
      if (next === undefined) break;
      this.#blocked = !stream.send(next);
    }
    if (this.#paused && this.#queue.length <= queueLimit / 2) {
      this.#paused = false;
      stream.resume();
    }
  }

  #takeInventory(): LinkRequest | undefined {
    if (this.#inventory === undefined || !this.#inventory.due) return undefined;
    this.#inventory.due = false;
    return frame({ case: 'inventory', value: this.#inventory.value });
  }
}
