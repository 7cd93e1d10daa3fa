import type { EventAuthor } from '@truffle/database';

/** A refused call, or several of one kind. */
export interface Refusal {
  /** Empty when it is in no known organization. */
  readonly orgId: string;
  readonly author: EventAuthor;
  readonly resourceId: string;
  readonly method: string;
  readonly permission: string;
  readonly reason: string;
  readonly count: number;
  /** Milliseconds since the epoch, of the first and the last. */
  readonly since: number;
  readonly until: number;
}

/** Kinds of one organization that are told apart within a window, and kinds in all. The rest is one count for each reason. */
const mostOfOrganization = 50;
const most = 10_000;

interface Kind {
  /** The first of a window is told at once, and only the rest at its end. */
  readonly ends: number;
  readonly first: Omit<Refusal, 'count' | 'until'>;
  count: number;
  until: number;
}

/** Turns a flood of refusals into few records: for each actor, address, method and reason one at once, and one with the count of the rest. */
export class RefusalCounter {
  readonly #windowMs: number;
  readonly #kinds = new Map<string, Kind>();
  readonly #ofOrganization = new Map<string, number>();
  #fresh: Refusal[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  count(refusal: Omit<Refusal, 'count' | 'since' | 'until'>, now: number): void {
    const own = keyOf(refusal.orgId, refusal.author, refusal.method, refusal.reason);
    const isMany = (this.#ofOrganization.get(refusal.orgId) ?? 0) >= mostOfOrganization || this.#kinds.size >= most;
    const isNew = !this.#kinds.has(own);
    const folded = isNew && isMany ? others(refusal) : refusal;
    const key = isNew && isMany ? keyOf(folded.orgId, folded.author, folded.method, folded.reason) : own;
    const kind = this.#kinds.get(key);
    if (kind !== undefined) {
      kind.count++;
      kind.until = now;
      return;
    }
    this.#kinds.set(key, { ends: now + this.#windowMs, first: { ...folded, since: now }, count: 0, until: now });
    this.#ofOrganization.set(refusal.orgId, (this.#ofOrganization.get(refusal.orgId) ?? 0) + 1);
    this.#fresh.push({ ...folded, count: 1, since: now, until: now });
  }

  /** What is to be recorded now; with `all`, also counts whose window has not ended. */
  due(now: number, all: boolean): Refusal[] {
    const due = this.#fresh;
    this.#fresh = [];
    for (const [key, kind] of this.#kinds) {
      if (!all && kind.ends > now) continue;
      this.#kinds.delete(key);
      const left = (this.#ofOrganization.get(kind.first.orgId) ?? 1) - 1;
      if (left > 0) this.#ofOrganization.set(kind.first.orgId, left);
      else this.#ofOrganization.delete(kind.first.orgId);
      if (kind.count > 0) due.push({ ...kind.first, count: kind.count, until: kind.until });
    }
    return due;
  }
}

const keyOf = (orgId: string, author: EventAuthor, method: string, reason: string): string =>
  JSON.stringify([orgId, author.subject, author.onBehalfOf, author.address, method, reason]);

/** The kind that takes what is too much to be told apart. When all organizations together are too many, no organization. */
const others = (refusal: Omit<Refusal, 'count' | 'since' | 'until'>): Omit<Refusal, 'count' | 'since' | 'until'> => ({
  orgId: refusal.orgId,
  author: { subject: 'anonymous', requestId: refusal.author.requestId },
  resourceId: '',
  method: '*',
  permission: '',
  reason: refusal.reason,
});
