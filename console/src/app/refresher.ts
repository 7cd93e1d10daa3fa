import type { Query, QueryClient, QueryKey } from '@tanstack/react-query';

/** Between the end of one answer and the next question, milliseconds: what comes in between is one question. */
const gapMs = 80;
/** A question that takes longer holds up no later one. */
const longestMs = 2_000;

export interface Clock {
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

const realClock: Clock = {
  now: () => performance.now(),
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** What a list or a thing was asked for: the part of a query's key that says it. */
interface Asked {
  readonly serviceName?: string;
  readonly input?: object;
}

export const askedOf = (key: QueryKey): Asked => key[1] ?? {};

/** Whether `key` asks for one thing of the kind of `resourceId` by its id, and for another one than this. */
export function isOfAnother(key: QueryKey, resourceId: string): boolean {
  const kind = resourceId.slice(0, resourceId.indexOf('_') + 1);
  if (kind === '') return false;
  const ids = Object.values(askedOf(key).input ?? {}).filter((v) => typeof v === 'string' && v.startsWith(kind));
  return ids.length > 0 && !ids.includes(resourceId);
}

/**
 * Asks shown answers again that something has made old: at once, and what makes them old again meanwhile is one more question after that, so
 * that a storm of events asks each of them no more often than its answers come, and with a rest as long as the answer took.
 */
export class Refresher {
  readonly #client: QueryClient;
  readonly #clock: Clock;
  /** Questions that are out, and whether they are to be asked again afterwards. */
  readonly #out = new Map<string, boolean>();

  constructor(client: QueryClient, clock: Clock = realClock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Answers that are not shown now are asked for when they are. */
  touch(isOld: (key: QueryKey) => boolean): void {
    const predicate = ({ queryKey }: Query): boolean => isOld(queryKey);
    void this.#client.invalidateQueries({ predicate, refetchType: 'none' });
    for (const query of this.#client.getQueryCache().findAll({ type: 'active', predicate })) {
      if (this.#out.has(query.queryHash)) this.#out.set(query.queryHash, true);
      else void this.#ask(query);
    }
  }

  async #ask(query: Query): Promise<void> {
    const { queryHash, queryKey } = query;
    const exactly = { queryKey, exact: true };
    let isHung = false;
    do {
      this.#out.set(queryHash, false);
      const began = this.#clock.now();
      // What is out already is answered first: the next page of a list comes though the pages before it got old.
      if (!isHung && query.state.fetchStatus === 'fetching')
        await this.#inTime(this.#client.refetchQueries(exactly, { cancelRefetch: false }));
      isHung = !(await this.#inTime(this.#client.refetchQueries(exactly)));
      await this.#clock.pause(Math.max(gapMs, Math.min(longestMs, this.#clock.now() - began)));
    } while (this.#out.get(queryHash) === true && query.isActive());
    this.#out.delete(queryHash);
  }

  /** Whether it was done before it was given up waiting for. */
  #inTime(work: Promise<void>): Promise<boolean> {
    return Promise.race([work.then(() => true), this.#clock.pause(longestMs).then(() => false)]);
  }
}
