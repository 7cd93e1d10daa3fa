import type { Logger } from '@truffle/telemetry';
import { adoptStreams, type StreamAdoption } from '../audit-stream/audit-stream.secret.ts';
import { adoptSeeds, type SeedAdoption } from '../factor/seed.ts';

export interface AdoptionParts extends SeedAdoption {
  readonly streams: StreamAdoption;
  readonly logger: Logger;
}

/** How far sealing anew came. */
export interface Adopted {
  readonly sealed: number;
  /** Their keys are not there. */
  readonly unreadable: number;
}

/**
 * Seals anew, with the data keys, what an earlier release sealed otherwise: once after the start, a page at a time beside the calls, and by
 * several processes at once as well as by one. Until then it is read as it is. What fails is tried again at the next start.
 */
export class SecretAdoption {
  readonly #parts: AdoptionParts;
  readonly #stop = new AbortController();
  #work: Promise<unknown> = Promise.resolve();

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
  }

  start(): void {
    const { signal } = this.#stop;
    this.#work = Promise.all([
      this.#adopt('seeds', () => adoptSeeds(this.#parts, signal)),
      this.#adopt('streams', () => adoptStreams(this.#parts.streams, signal)),
    ]);
  }

  /** Ends after the page at work. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #adopt(what: string, work: () => Promise<Adopted>): Promise<void> {
    const { logger } = this.#parts;
    try {
      const { sealed, unreadable } = await work();
      if (sealed > 0) logger.info({ what, sealed }, 'secrets of an earlier release are sealed with data keys now');
      if (unreadable > 0)
        logger.error(
          { what, unreadable },
          'secrets of an earlier release do not open: give the tenant service the account key and the audit key of then',
        );
    } catch (error) {
      logger.warn({ err: error, what }, 'secrets of an earlier release will be sealed at the next start');
    }
  }
}
