import type { LinkRequest, LinkResponse } from '@truffle/api/agent/v1/link';
import type { Stream, StreamEvents } from '../../../agent/src/link/stream.ts';
import type { LinkCall } from '../../../services/agent-gateway/src/session/outbox.ts';
import type { Chance } from './chance.ts';
import type { Scheduler } from './scheduler.ts';

/** Frames under way beyond which a side is told to wait. */
const roomy = 12;
const end = Symbol('end');

/** One direction of a connection: what is sent arrives in order, late, or (when the connection breaks) not at all. */
class Pipe<T> {
  readonly #time: Scheduler;
  readonly #chance: Chance;
  readonly #arrive: (item: T | typeof end) => void;
  readonly #held: (T | typeof end)[] = [];
  readonly #flowing: () => void;
  #last = 0;
  #underWay = 0;
  #full = false;
  #broken = false;
  /** The receiver does not read. */
  #paused = false;
  /** The network carries nothing. */
  #stalled = false;

  constructor(time: Scheduler, chance: Chance, arrive: (item: T | typeof end) => void, flowing: () => void) {
    this.#time = time;
    this.#chance = chance;
    this.#arrive = arrive;
    this.#flowing = flowing;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** False when there is no room for more. */
  send(item: T | typeof end): boolean {
    if (this.#broken) return true;
    this.#last = Math.max(this.#last, this.#time.now + this.#chance.between(0.2, 20));
    this.#underWay++;
    this.#time.after(this.#last - this.#time.now, () => {
      this.#held.push(item);
      this.#flow();
    });
    this.#full ||= this.#underWay > roomy;
    return !this.#full;
  }

  pause(on: boolean): void {
    this.#paused = on;
    if (!on) this.#time.after(0, () => this.#flow());
  }

  stall(on: boolean): void {
    this.#stalled = on;
    this.#flow();
  }

  break(): void {
    this.#broken = true;
    this.#held.length = 0;
  }

  #flow(): void {
    while (!this.#broken && !this.#stalled && !this.#paused && this.#held.length > 0) {
      const item = this.#held.shift();
      this.#underWay--;
      if (item !== undefined) this.#arrive(item);
    }
    if (!this.#full || this.#underWay > roomy / 2) return;
    this.#full = false;
    if (!this.#broken) this.#time.after(0, this.#flowing);
  }
}

/** One connection between an agent and a gateway, with the one stream on it. */
export class Wire {
  readonly agent: string;
  readonly gateway: string;
  readonly #time: Scheduler;
  readonly #chance: Chance;
  readonly #events: StreamEvents;
  readonly #up: Pipe<LinkRequest>;
  readonly #down: Pipe<LinkResponse>;
  readonly #heard = new Map<string, ((message: LinkRequest) => void)[]>();
  #agentGone = false;
  #gatewayGone = false;

  constructor(parts: {
    readonly time: Scheduler;
    readonly chance: Chance;
    readonly agent: string;
    readonly gateway: string;
    readonly events: StreamEvents;
  }) {
    this.#time = parts.time;
    this.#chance = parts.chance;
    this.agent = parts.agent;
    this.gateway = parts.gateway;
    this.#events = parts.events;
    this.#up = new Pipe<LinkRequest>(
      parts.time,
      parts.chance,
      (item) => this.#toGateway(item),
      () => {
        if (!this.#agentGone) this.#events.drained();
      },
    );
    this.#down = new Pipe<LinkResponse>(
      parts.time,
      parts.chance,
      (item) => this.#toAgent(item),
      () => this.#tell('drain'),
    );
  }

  get over(): boolean {
    return this.#agentGone && this.#gatewayGone;
  }

  /** The gateway's end. */
  readonly call: LinkCall = {
    on: (event: string, heard: (message: LinkRequest) => void) =>
      this.#heard.set(event, [...(this.#heard.get(event) ?? []), heard]),
    write: (message) => this.#down.send(message),
    end: () => void this.#down.send(end),
    pause: () => this.#up.pause(true),
    resume: () => this.#up.pause(false),
    isPaused: () => this.#up.paused,
  };

  /** The agent's end. */
  readonly stream: Stream = {
    send: (frame) => this.#up.send(frame),
    pause: () => this.#down.pause(true),
    resume: () => this.#down.pause(false),
    close: () => {
      this.#agentGone = true;
      this.#up.send(end);
    },
  };

  /** Nothing comes through until it does again; then all that was held does. */
  stall(on: boolean): void {
    this.#up.stall(on);
    this.#down.stall(on);
  }

  /** The connection breaks: what is under way is lost, and each side learns of it in its own time. */
  break(): void {
    this.#up.break();
    this.#down.break();
    this.#time.after(this.#chance.between(0, 2_000), () => this.#lost());
    this.#time.after(this.#chance.between(0, 2_000), () => this.#ended('cancelled'));
  }

  /** The agent's process is gone; what it sent still arrives. `silent` when its machine is too, so that nobody says so. */
  agentDied(silent: boolean): void {
    this.#agentGone = true;
    if (!silent) this.#up.send(end);
  }

  gatewayDied(silent: boolean): void {
    this.#gatewayGone = true;
    this.#up.break();
    if (!silent) this.#down.send(end);
  }

  #toGateway(item: LinkRequest | typeof end): void {
    if (this.#gatewayGone) return;
    if (item === end) this.#ended('end');
    else this.#tell('data', item);
  }

  #toAgent(item: LinkResponse | typeof end): void {
    if (this.#agentGone) return;
    if (item === end) this.#lost();
    else this.#events.received(item);
  }

  #lost(): void {
    if (this.#agentGone) return;
    this.#agentGone = true;
    this.#events.lost({ refused: false, detail: 'the connection broke' });
  }

  #ended(how: string): void {
    if (this.#gatewayGone) return;
    this.#tell(how);
    this.#gatewayGone = true;
  }

  #tell(event: string, message?: LinkRequest): void {
    if (this.#gatewayGone) return;
    for (const heard of this.#heard.get(event) ?? []) heard(message as LinkRequest);
  }
}
