import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { CommandResultSchema, Effect, Outcome, type Command, type CommandResult } from '@truffle/api/agent/v1/command';
import { LinkResponseSchema, type LinkRequest } from '@truffle/api/agent/v1/link';
import type { CommandHandler } from '../command/effect.ts';
import type { Dialer, Stream, StreamEvents } from '../link/stream.ts';
import type { GatewayFrame } from './gateway.ts';
import type { VirtualClock } from './virtual-clock.ts';

type State = 'queued' | 'accepted' | 'running' | 'terminal';

interface ModelCommand {
  readonly command: Command;
  state: State;
  cancelled: boolean;
  result: Uint8Array | undefined;
}

interface ModelStream {
  readonly events: StreamEvents;
  epoch: number;
  open: boolean;
}

/**
 * The gateway's half of the protocol as the design writes it, over a network in memory whose streams break and lose what was on its way.
 * It grants a permit once, sends everything again on each session, and checks what it is told.
 */
export class ModelGateway implements Dialer {
  readonly commands = new Map<string, ModelCommand>();
  /** What must never be seen. */
  readonly violations: string[] = [];
  #streams: ModelStream[] = [];
  #epoch = 0;
  #silent = false;
  readonly #clock: VirtualClock;
  readonly #random: () => number;

  constructor(clock: VirtualClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  get settled(): boolean {
    return [...this.commands.values()].every(({ state }) => state === 'terminal');
  }

  dial(_endpoint: string, events: StreamEvents): Stream {
    const stream: ModelStream = { events, epoch: 0, open: true };
    this.#streams.push(stream);
    this.#later(stream, () => events.connected());
    return {
      send: (frame) => {
        this.#later(stream, () => this.#received(stream, frame));
        return true;
      },
      pause: () => undefined,
      resume: () => undefined,
      // What was on its way may or may not arrive.
      close: () => void this.#clock.after(this.#random() * 20, () => (stream.open = false)),
    };
  }

  enqueue(command: Command): void {
    this.commands.set(command.id, { command, state: 'queued', cancelled: false, result: undefined });
    this.#tell({ case: 'command', value: command });
  }

  cancel(id: string): void {
    const held = this.commands.get(id);
    if (held === undefined || held.state === 'terminal') return;
    held.cancelled = true;
    this.#tell({ case: 'cancel', value: { commandId: id } });
  }

  /** Sends everything that it has sent before once more. */
  repeat(): void {
    for (const held of this.commands.values()) this.#resend(held);
  }

  drain(): void {
    this.#tell({ case: 'drain', value: { reconnectInMs: 100, deadlineMs: 10_000 } });
  }

  /** Every stream breaks; what was on its way is lost. */
  break(): void {
    const broken = this.#streams;
    this.#streams = [];
    for (const stream of broken) {
      if (!stream.open) continue;
      stream.open = false;
      stream.events.lost({ refused: false, detail: 'broken' });
    }
  }

  /** The connection stands but nothing comes through; where that ends, it ends by breaking, since a stream loses nothing in its middle. */
  silence(on: boolean): void {
    if (this.#silent && !on) this.break();
    this.#silent = on;
  }

  get silent(): boolean {
    return this.#silent;
  }

  /** The agent is gone: nothing is told to it any more. */
  forgetStreams(): void {
    for (const stream of this.#streams) stream.open = false;
    this.#streams = [];
  }

  /** In order: each stream's frames wait behind those before them. */
  #later(stream: ModelStream, act: () => void): void {
    this.#clock.after(1, () => {
      if (stream.open) act();
    });
  }

  #send(stream: ModelStream, frame: GatewayFrame): void {
    if (!this.#silent) this.#later(stream, () => stream.events.received(create(LinkResponseSchema, { frame })));
  }

  #tell(frame: GatewayFrame): void {
    const current = this.#streams.find(({ epoch }) => epoch === this.#epoch && epoch > 0);
    if (current !== undefined) this.#send(current, frame);
  }

  #received(stream: ModelStream, { frame }: LinkRequest): void {
    if (this.#silent) return;
    switch (frame.case) {
      case 'hello':
        stream.epoch = ++this.#epoch;
        this.#send(stream, {
          case: 'welcome',
          value: { epoch: BigInt(stream.epoch), heartbeatMs: 10_000, continuity: new Uint8Array([stream.epoch & 255]) },
        });
        return;
      case 'ready':
        return this.repeat();
      case 'heartbeat':
        return this.#send(stream, { case: 'heartbeat', value: { n: frame.value.n } });
      case 'accepted':
        return this.#accepted(stream, frame.value.commandId);
      case 'rejected':
        this.violations.push(`${frame.value.commandId} rejected: ${frame.value.failure?.reason}`);
        return;
      case 'result':
        return this.#ended(stream, frame.value);
    }
  }

  /** Only the current session moves a command on; a cancelled one gets no permit. */
  #accepted(stream: ModelStream, id: string): void {
    const held = this.commands.get(id);
    if (held === undefined || stream.epoch !== this.#epoch) return;
    if (held.state === 'queued') held.state = 'accepted';
    if (held.state === 'accepted' && !held.cancelled) held.state = 'running';
    this.#resend(held);
  }

  #ended(stream: ModelStream, result: CommandResult): void {
    const held = this.commands.get(result.commandId);
    if (held === undefined) return;
    const bytes = toBinary(CommandResultSchema, result);
    if (held.result !== undefined && !Buffer.from(bytes).equals(held.result))
      this.violations.push(
        `${result.commandId} ended twice: ${Outcome[outcomeOf(held.result)]}, then ${Outcome[result.outcome]}`,
      );
    held.result ??= bytes;
    held.state = 'terminal';
    this.#send(stream, { case: 'resultAck', value: { commandId: result.commandId, terminal: true } });
  }

  #resend({ command, state, cancelled }: ModelCommand): void {
    if (state === 'terminal') return;
    if (state === 'queued') this.#tell({ case: 'command', value: command });
    if (state === 'running') this.#tell({ case: 'permit', value: { commandId: command.id, permitNo: 1 } });
    if (cancelled) this.#tell({ case: 'cancel', value: { commandId: command.id } });
  }
}

const outcomeOf = (result: Uint8Array): Outcome => fromBinary(CommandResultSchema, result).outcome;

/** What commands do to the world, counted. */
export interface ModelWorld {
  /** Effects by command. */
  readonly effects: Map<string, number>;
  /** Rises with each crash: what ran before it never goes on. */
  life: number;
}

/** Check -> act -> clean with pauses in between, in which the agent may die. */
export function countingHandler(world: ModelWorld, clock: VirtualClock, random: () => number): CommandHandler {
  return {
    kind: 'deleteServer',
    needsPermit: true,
    run: async (run) => {
      const born = world.life;
      const pause = async (): Promise<void> => {
        await new Promise<void>((resolve) => void clock.after(random() * 3_000, resolve));
        // A process that died does not go on.
        if (world.life !== born) await new Promise<never>(() => undefined);
      };
      await pause();
      run.signal.throwIfAborted();
      const { observed } = run.intend('act', { handle: run.commandId });
      await pause();
      // The handle finds the effect of a life before; without that look a crash here would double it.
      if (observed === undefined && !world.effects.has(run.commandId))
        world.effects.set(run.commandId, (world.effects.get(run.commandId) ?? 0) + 1);
      run.log('agent', 'acted');
      await pause();
      run.observe('act', true);
      await pause();
      return { outcome: Outcome.SUCCEEDED, effect: Effect.FULL };
    },
  };
}
