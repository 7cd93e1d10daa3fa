import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { MetricRoundSchema, type MetricRound } from '@truffle/api/agent/v1/metric';
import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import { decodePayload } from '../command/intake.ts';
import type { DeclaredServers } from '../journal/declared.ts';
import type { MetricRing } from './metric-ring.ts';

/** What a guest uses, as the hypervisor's list of all guests says. Counters begin anew with its start. */
export interface GuestUsage {
  readonly vmid: number;
  /** From 0 to 1. */
  readonly cpuShare: number;
  readonly memoryBytes: number;
  readonly diskReadBytes: number;
  readonly diskWrittenBytes: number;
  readonly networkReceivedBytes: number;
  readonly networkSentBytes: number;
}

export interface SamplerDeps {
  readonly ring: Pick<MetricRing, 'push'>;
  readonly declared: Pick<DeclaredServers, 'all'>;
  /** Of every guest of ours, in one call; undefined without a site. @throws what the site says */
  readonly usage: (() => Promise<readonly GuestUsage[]>) | undefined;
  readonly own: {
    /** Microseconds of processor that the agent has used. */
    readonly cpuMicros: () => number;
    readonly memoryBytes: () => number;
    readonly journalBytes: () => number;
  };
  readonly clock: Clock;
  readonly log: Logger;
}

const everyMs = 30_000;
/** Servers of one round: more would not fit a message. */
const mostServers = 1_500;

/** Measures every 30 s what the servers that the agent keeps use, and the agent itself. */
export class Sampler {
  readonly #deps: SamplerDeps;
  #before: { readonly micros: number; readonly at: number };
  #disarm: (() => void) | undefined;
  #over = false;

  constructor(deps: SamplerDeps) {
    this.#deps = deps;
    this.#before = { micros: deps.own.cpuMicros(), at: deps.clock.now() };
  }

  start(): void {
    this.#disarm = this.#deps.clock.after(everyMs, () => {
      void this.#measure()
        .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'nothing could be measured'))
        .then(() => (this.#over ? undefined : this.start()));
    });
  }

  stop(): void {
    this.#over = true;
    this.#disarm?.();
  }

  async #measure(): Promise<void> {
    const { ring, usage, clock, log } = this.#deps;
    let guests: readonly GuestUsage[] = [];
    try {
      guests = (await usage?.()) ?? [];
    } catch (error) {
      log.debug({ err: error }, 'the site does not say what servers use');
    }
    const wall = clock.wall();
    if (!this.#over) ring.push(wall, toBinary(MetricRoundSchema, this.#round(wall, guests)));
  }

  #round(wall: number, guests: readonly GuestUsage[]): MetricRound {
    const { declared, own, clock } = this.#deps;
    const now = clock.now();
    const micros = own.cpuMicros();
    const elapsed = Math.max(1, now - this.#before.at) * 1000;
    const cpuShare = (micros - this.#before.micros) / elapsed;
    this.#before = { micros, at: now };
    const used = new Map(guests.map((each) => [each.vmid, each]));
    const servers = declared.all().flatMap(({ payload }) => {
      const op = decodePayload(payload)?.op;
      const guest = op?.case === 'ensureServer' ? used.get(op.value.vmid) : undefined;
      return op?.case !== 'ensureServer' || guest === undefined
        ? []
        : [{ serverId: op.value.serverId, sample: sampleOf(guest) }];
    });
    return create(MetricRoundSchema, {
      servers: servers.slice(0, mostServers),
      agent: {
        time: timestampFromMs(wall),
        cpuShare,
        memoryUsedBytes: BigInt(own.memoryBytes()),
        journalBytes: BigInt(own.journalBytes()),
      },
    });
  }
}

const sampleOf = (guest: GuestUsage) => ({
  cpuShare: guest.cpuShare,
  memoryUsedBytes: whole(guest.memoryBytes),
  diskReadBytes: whole(guest.diskReadBytes),
  diskWrittenBytes: whole(guest.diskWrittenBytes),
  networkReceivedBytes: whole(guest.networkReceivedBytes),
  networkSentBytes: whole(guest.networkSentBytes),
});

const whole = (bytes: number): bigint => BigInt(Math.max(0, Math.round(bytes)));
