import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from '@truffle/api/google/rpc/error_details';
import { RateClass } from '@truffle/api/options/v1/method';
import { Role } from '@truffle/api/tenant/v1/account';
import { createLogger } from '@truffle/telemetry';
import { describe, expect, test } from 'vitest';
import { Buckets } from './bucket.ts';
import { shareBuckets } from './bucket.share.ts';
import { nobody, type Caller } from './caller.ts';
import { TenantRates } from './limit.plan.ts';
import { isRateLimit, RateLimits, type Spent } from './limit.ts';

const ada: Caller = {
  ...nobody,
  subject: 'user:ada',
  address: '1.1.1.1',
  bindings: [{ role: Role.OWNER, scopeId: 'org_a', orgId: 'org_a' }],
};
const bob: Caller = { ...ada, subject: 'user:bob' };
const cyd: Caller = { ...ada, subject: 'key:cyd', bindings: [{ role: Role.OWNER, scopeId: 'org_c', orgId: 'org_c' }] };

function limited(factor: number, tenant?: { calls: number; seconds: number } | 'unknown') {
  const clock = { now: 0 };
  const limits = new RateLimits({ buckets: new Buckets(() => clock.now), tenants: { of: () => tenant }, factor });
  const call = (caller: Caller, rate = RateClass.READ): { error: ConnectError | undefined; headers: Headers } => {
    const spent: Spent = [];
    const headers = new Headers();
    try {
      limits.take(caller, rate, spent);
      return { error: undefined, headers };
    } catch (error) {
      return { error: ConnectError.from(error), headers };
    } finally {
      limits.tell(spent, headers);
    }
  };
  /** How many of `n` calls are let through. */
  const through = (caller: Caller, n: number, rate = RateClass.READ) =>
    Array.from({ length: n }, () => call(caller, rate)).filter(({ error }) => error === undefined).length;
  return { clock, limits, call, through };
}

describe('a rate limit', () => {
  test('counts each caller alone, and says when to come again and what is left', () => {
    const { call, clock } = limited(0.001);
    expect(call(ada).headers.get('ratelimit-policy')).toBe('"credential";q=2;w=10');
    expect(call(ada).headers.get('ratelimit')).toBe('"credential";r=0;t=10');
    const { error, headers } = call(ada);
    expect(error?.code).toBe(Code.ResourceExhausted);
    expect(isRateLimit(error)).toBe(true);
    expect(error?.metadata.get('retry-after')).toBe('5');
    expect(error?.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 5n });
    expect(error?.findDetails(ErrorInfoSchema)[0]).toMatchObject({
      reason: 'RATE_LIMITED',
      metadata: { policy: 'credential' },
    });
    expect(headers.get('ratelimit')).toBe('"credential";r=0;t=10');
    expect(call(bob).error).toBeUndefined();
    clock.now = 5_000;
    expect(call(ada).error).toBeUndefined();
  });

  test('counts the credentials of an organization together, and other organizations not', () => {
    const { call, through } = limited(1, { calls: 10, seconds: 10 });
    expect(through(ada, 6) + through(bob, 6)).toBe(10);
    expect(call(bob).error?.message).toContain('of your organization');
    expect(call(bob).headers.get('ratelimit-policy')).toBe('"credential";q=2000;w=10, "tenant";q=10;w=10');
    expect(through(cyd, 6)).toBe(6);
  });

  test('of an organization does not take from a credential that it refuses', () => {
    const { call, through } = limited(1, { calls: 1, seconds: 10 });
    through(ada, 50);
    expect(call(ada).headers.get('ratelimit')).toContain('"credential";r=1999');
  });

  test('of a person in several organizations counts for the one that the call is about', () => {
    const { limits } = limited(1, { calls: 1, seconds: 10 });
    const both = { ...ada, bindings: [...ada.bindings, ...cyd.bindings] };
    const take = (orgId: string) => {
      const spent: Spent = [];
      limits.take(both, RateClass.READ, spent);
      limits.takeTenant({ ...both, orgId }, RateClass.READ, spent);
    };
    take('org_a');
    take('org_c');
    expect(() => take('org_a')).toThrow('of your organization');
  });

  test('counts credentials by address, and an IPv6 network as one', () => {
    const { through } = limited(0.1);
    const from = (address: string) => through({ ...ada, address }, 10, RateClass.CREDENTIAL);
    expect([from('1.1.1.1'), from('1.1.1.1'), from('2.2.2.2')]).toEqual([3, 0, 3]);
    expect([from('2001:db8::1'), from('2001:db8::ffff:1'), from('2001:db8:0:1::1')]).toEqual([3, 0, 3]);
  });

  test('of an organization whose plan is not known yet is that of one credential', () => {
    const { through } = limited(0.001, 'unknown');
    expect(through(ada, 5) + through(bob, 5)).toBe(2);
  });

  test('leaves calls between services alone', () => {
    expect(limited(0.001).through(ada, 100, RateClass.INTERNAL)).toBe(100);
  });
});

/** Processes that tell each other, as over NATS. */
function processes(n: number) {
  const clock = { now: 0 };
  const all = Array.from({ length: n }, () => new Buckets(() => clock.now));
  const tell = () => {
    for (const one of all)
      for (const each of one.untold()) for (const other of all) if (other !== one) other.spentElsewhere(each);
  };
  const take = (i: number, name: string, budget: { calls: number; seconds: number }) => {
    const buckets = all[i % n] ?? all[0]!;
    if (buckets.level(name, budget).oneInMs > 0) return false;
    buckets.spend(name, budget);
    return true;
  };
  return { clock, all, tell, take };
}

describe('several processes', () => {
  test('together let through what one would, but for a first burst', () => {
    const budget = { calls: 100, seconds: 10 };
    const { clock, tell, take } = processes(4);
    let through = 0;
    // 60 s of calls at 20 times the limit, spread over all, who tell each other every 200 ms.
    for (; clock.now < 60_000; clock.now += 5) {
      if (take(clock.now / 5, 'a', budget)) through++;
      if (clock.now % 200 === 0) tell();
    }
    const fair = 100 + 60 * 10;
    expect(through).toBeGreaterThan(fair * 0.9);
    expect(through).toBeLessThan(fair * 1.1);
  });

  test('owe for a burst that they did not hear of at most one window', () => {
    const budget = { calls: 10, seconds: 10 };
    const { clock, tell, take } = processes(8);
    expect(Array.from({ length: 800 }, (_, i) => take(i, 'a', budget)).filter(Boolean)).toHaveLength(80);
    tell();
    clock.now = 11_500;
    expect(take(0, 'a', budget)).toBe(true);
  });

  test('do not tell of what is hardly anything, and forget nothing of it', () => {
    const budget = { calls: 1_000, seconds: 10 };
    const { all, take } = processes(1);
    const [one] = all;
    for (let i = 0; i < 19; i++) take(0, 'a', budget);
    expect(one?.untold()).toEqual([]);
    take(0, 'a', budget);
    expect(one?.untold()).toEqual([{ name: 'a', spent: 20, ...budget }]);
    expect(one?.untold()).toEqual([]);
  });

  test('take nothing from what is no telling of another', () => {
    const buckets = new Buckets(() => 0);
    let heard: (data: string, subject: string) => void = () => undefined;
    const bell = { ring: () => undefined, listen: (_: string, h: typeof heard) => ((heard = h), () => undefined) };
    const stop = shareBuckets(buckets, bell, 'me');
    const budget = { calls: 10, seconds: 10 };
    const say = (data: unknown) => heard(typeof data === 'string' ? data : JSON.stringify(data), '');
    for (const data of [
      '',
      '{',
      '[]',
      'null',
      '"x"',
      { from: 'you' },
      { from: 'you', spent: [['a', -5, 10, 10], ['a', 1], [1, 1, 1, 1], null, ['a', 'x', 10, 10], ['a', 1, 0, 10]] },
      { from: 'me', spent: [['a', 5, 10, 10]] },
    ])
      say(data);
    expect(buckets.level('a', budget).left).toBe(10);
    say({ from: 'you', spent: [['a', 4, 10, 10, 'of a later version']] });
    expect(buckets.level('a', budget).left).toBe(6);
    stop();
  });

  test('keep a bounded number of buckets, and those that are in use', () => {
    const clock = { now: 0 };
    const buckets = new Buckets(() => clock.now, 100);
    const budget = { calls: 10, seconds: 1 };
    for (let i = 0; i < 100; i++) buckets.spend(`old ${i}`, budget);
    clock.now = 5_000;
    for (let i = 0; i < 10_000; i++) buckets.spend(`new ${i}`, { calls: 10, seconds: 100 });
    expect(buckets.untold().length).toBeLessThanOrEqual(100);
    expect(buckets.level('new 9999', { calls: 10, seconds: 100 }).left).toBe(9);
  });
});

describe('the rates of a plan', () => {
  test('are asked for beside the call, kept for a minute, and kept when they cannot be read', async () => {
    let now = 0;
    let asked = 0;
    let away = false;
    const rates = new TenantRates(
      async () => {
        asked++;
        if (away) throw new Error('away');
        return new Map([[RateClass.READ, { calls: asked, seconds: 1 }]]);
      },
      createLogger('test', 'silent'),
      () => now,
    );
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    expect(rates.of('org_a', RateClass.READ)).toBe('unknown');
    await settled();
    expect(rates.of('org_a', RateClass.READ)).toMatchObject({ calls: 1 });
    expect(rates.of('org_a', RateClass.WRITE)).toBeUndefined();
    now = 60_000;
    away = true;
    expect(rates.of('org_a', RateClass.READ)).toMatchObject({ calls: 1 });
    await settled();
    expect(rates.of('org_a', RateClass.READ)).toMatchObject({ calls: 1 });
    expect(asked).toBe(2);
  });
});
