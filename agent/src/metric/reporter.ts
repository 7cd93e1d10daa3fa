import { fromBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { MetricRoundSchema } from '@truffle/api/agent/v1/metric';
import type { ReportMetricsRequestSchema } from '@truffle/api/agent/v1/metric_report_service';
import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import type { MetricRing } from './metric-ring.ts';

export interface ReporterDeps {
  readonly ring: Pick<MetricRing, 'peek' | 'forget'>;
  /** Whether there is a session; without one nothing is tried. */
  readonly connected: () => boolean;
  /** Resolves when it is stored, over a connection of its own. */
  readonly report: (request: MessageInitShape<typeof ReportMetricsRequestSchema>) => Promise<unknown>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** Several rounds at a time, as each report is a connection; agents spread over it. */
const everyMs = 120_000;
const backoffCapMs = 600_000;
/** Bytes of one report: below what a gateway takes. */
const reportBytes = 200 * 1024;
/** Reports of one turn: what a site kept for days comes in portions. */
const reportsPerTurn = 8;

/** Tells a gateway what was measured, now and then and beside the stream of commands; what was told is forgotten once it is stored. */
export class MetricReporter {
  readonly #deps: ReporterDeps;
  #failures = 0;
  #disarm: (() => void) | undefined;
  #turn: Promise<void> = Promise.resolve();
  #over = false;

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#arm(this.#deps.random() * everyMs);
  }

  /** Tells no more; resolves when the last report is over. */
  async stop(): Promise<void> {
    this.#over = true;
    this.#disarm?.();
    await this.#turn;
  }

  #arm(waitMs: number): void {
    const { clock, random } = this.#deps;
    this.#disarm = clock.after(waitMs, () => {
      this.#turn = this.#tell().then(() => {
        if (this.#over) return;
        const ceiling = Math.min(backoffCapMs, everyMs * 2 ** this.#failures);
        this.#arm(this.#failures === 0 ? everyMs * (0.8 + 0.4 * random()) : everyMs / 2 + random() * ceiling);
      });
    });
  }

  async #tell(): Promise<void> {
    const { ring, connected, report, log } = this.#deps;
    try {
      for (let count = 0; count < reportsPerTurn && connected() && !this.#over; count++) {
        const waiting = ring.peek(reportBytes);
        if (waiting === undefined) break;
        await report({
          rounds: waiting.rounds.map((body) => fromBinary(MetricRoundSchema, body)),
          gaps: waiting.gaps.map(({ n, from, to }) => ({
            n: BigInt(n),
            from: timestampFromMs(from),
            to: timestampFromMs(to),
          })),
        });
        ring.forget(waiting);
        this.#failures = 0;
      }
    } catch (error) {
      this.#failures = Math.min(this.#failures + 1, 10);
      log.debug({ err: error }, 'what was measured could not be told');
    }
  }
}
