import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createContextKey } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from '@truffle/api/google/rpc/error_details';
import { RateClass } from '@truffle/api/options/v1/method';
import type { Caller } from './caller.ts';
import { onlyOrganization } from './limit.ts';

/** Frees the place of a call that is done. */
export const leaveKey = createContextKey<(() => void) | undefined>(undefined, { description: 'place' });

/** The order in which a tenant's own calls are kept: reads and sign-ins, then writes, then costly work and live views. */
const rankOf: Readonly<Partial<Record<RateClass, 0 | 1 | 2>>> = {
  [RateClass.READ]: 0,
  [RateClass.CREDENTIAL]: 0,
  [RateClass.WRITE]: 1,
  [RateClass.EXPENSIVE]: 2,
  [RateClass.STREAM]: 2,
};
/** How long a call of each rank waits for its place, in milliseconds: the last ones give up first. */
const patienceMs = [3_000, 1_500, 500] as const;
const least = 8;
const most = 256;
const first = 64;
/** One tenant has at most this part of the places, even of idle ones: whoever comes next waits behind what is at work on this event loop. */
const shareEach = 1 / 8;
const leastEach = 4;
const mostWaiting = 1_024;
/** Beyond this mean delay of the event loop there are too many calls at once. */
const tooLateMs = 100;

interface Waiting {
  readonly rank: 0 | 1 | 2;
  readonly until: number;
  readonly go: () => void;
  readonly refuse: () => void;
}

interface Tenant {
  running: number;
  /** When it last got a place, in places given. */
  served: number;
  /** By rank, oldest first. */
  waiting: Waiting[];
}

export interface AdmissionParts {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** 0 to 1, for the jitter of when to come again. */
  readonly random: () => number;
  /** Calls at once, to begin with. */
  readonly places?: number;
}

/**
 * Bounds how many calls are at work at once, all together and of each tenant, for everybody's sake. When there are too many, places go to the tenant that has the fewest, and of
 * its calls to reads before writes before the rest; when too many wait, it is the tenant with the most of them that loses its last. Calls between
 * services, and with them the work for agents, always pass.
 */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #tenants = new Map<string, Tenant>();
  #places: number;
  #running = 0;
  #waiting = 0;
  #given = 0;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
    this.#places = parts.places ?? first;
  }

  get count(): { readonly places: number; readonly running: number; readonly waiting: number } {
    return { places: this.#places, running: this.#running, waiting: this.#waiting };
  }

  /** Resolves with how to leave, when there is a place. @throws ConnectError UNAVAILABLE with RetryInfo when there is none in time */
  async enter(caller: Caller, rate: RateClass): Promise<() => void> {
    const rank = rankOf[rate];
    if (rank === undefined) return () => undefined;
    const name = onlyOrganization(caller) || (caller.subject === 'anonymous' ? caller.address : caller.subject);
    const tenant = this.#tenants.get(name) ?? { running: 0, served: 0, waiting: [] };
    this.#tenants.set(name, tenant);
    if (this.#mayBegin(tenant) && tenant.waiting.length === 0) this.#begin(tenant);
    else await this.#wait(tenant, rank);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#running -= 1;
      tenant.running -= 1;
      this.#forget(name, tenant);
      this.#next();
    };
  }

  /** Lets fewer or more be at work, by how late the event loop is; and sends away who waited for too long. */
  adjust(meanDelayMs: number): void {
    if (meanDelayMs > tooLateMs) this.#places = Math.max(least, Math.floor(this.#places * 0.75));
    else if (this.#running >= this.#places) this.#places = Math.min(most, this.#places + 8);
    const now = this.#parts.now();
    for (const [name, tenant] of this.#tenants) {
      const late = tenant.waiting.filter(({ until }) => until <= now);
      this.#remove(tenant, late);
      for (const each of late) each.refuse();
      this.#forget(name, tenant);
    }
    this.#next();
  }

  async #wait(tenant: Tenant, rank: 0 | 1 | 2): Promise<void> {
    await new Promise<void>((go, reject) => {
      const until = this.#parts.now() + patienceMs[rank];
      const waiting = { rank, until, go, refuse: () => reject(this.#refusal()) };
      const after = tenant.waiting.findLastIndex((other) => other.rank <= rank);
      tenant.waiting.splice(after + 1, 0, waiting);
      this.#waiting += 1;
      if (this.#waiting > mostWaiting) this.#sendAway();
      this.#next();
    });
  }

  #mayBegin({ running }: Tenant): boolean {
    return this.#running < this.#places && running < Math.max(leastEach, Math.floor(this.#places * shareEach));
  }

  #begin(tenant: Tenant): void {
    this.#running += 1;
    tenant.running += 1;
    tenant.served = ++this.#given;
  }

  /** Gives free places away. */
  #next(): void {
    while (this.#running < this.#places && this.#waiting > 0) {
      let next: Tenant | undefined;
      for (const tenant of this.#tenants.values())
        if (tenant.waiting.length > 0 && this.#mayBegin(tenant) && (next === undefined || comesBefore(tenant, next)))
          next = tenant;
      const waiting = next?.waiting.shift();
      if (next === undefined || waiting === undefined) return;
      this.#waiting -= 1;
      this.#begin(next);
      waiting.go();
    }
  }

  /** Too many wait: the last call of the tenant with the most of them goes. */
  #sendAway(): void {
    let longest: Tenant | undefined;
    for (const tenant of this.#tenants.values())
      if (tenant.waiting.length > (longest?.waiting.length ?? 0)) longest = tenant;
    const last = longest?.waiting.at(-1);
    if (longest === undefined || last === undefined) return;
    this.#remove(longest, [last]);
    last.refuse();
  }

  #remove(tenant: Tenant, gone: readonly Waiting[]): void {
    if (gone.length === 0) return;
    tenant.waiting = tenant.waiting.filter((each) => !gone.includes(each));
    this.#waiting -= gone.length;
  }

  #forget(name: string, tenant: Tenant): void {
    if (tenant.running === 0 && tenant.waiting.length === 0) this.#tenants.delete(name);
  }

  #refusal(): ConnectError {
    const retryMs = 1_000 + Math.floor(this.#parts.random() * 2_000);
    const status = new ConnectError('too much is going on now; nothing was done, try again', Code.Unavailable, {
      'retry-after': String(Math.ceil(retryMs / 1_000)),
    });
    status.details.push(
      { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason: 'OVERLOADED', domain: 'truffle.dev' }) },
      { desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: durationFromMs(retryMs) }) },
    );
    return status;
  }
}

const comesBefore = (a: Tenant, b: Tenant): boolean =>
  a.running === b.running ? a.served < b.served : a.running < b.running;
