import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from '@truffle/api/google/rpc/error_details';
import { RateClass } from '@truffle/api/options/v1/method';
import { Role } from '@truffle/api/tenant/v1/account';
import { describe, expect, test } from 'vitest';
import { Admission } from './admission.ts';
import { nobody, type Caller } from './caller.ts';

const of = (orgId: string): Caller => ({
  ...nobody,
  subject: `user:${orgId}`,
  bindings: [{ role: Role.OWNER, scopeId: orgId, orgId }],
});

function door(places: number) {
  const clock = { now: 0 };
  const admission = new Admission({ now: () => clock.now, random: () => 0, places });
  const order: string[] = [];
  const leaves: (() => void)[] = [];
  const errors: ConnectError[] = [];
  const enter = (tenant: string, rate: RateClass, name = tenant) =>
    admission.enter(of(tenant), rate).then(
      (leave) => {
        order.push(name);
        leaves.push(leave);
      },
      (error: unknown) => void errors.push(ConnectError.from(error)),
    );
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  /** Lets calls end one by one, until none waits. */
  const drain = async () => {
    for (await settled(); leaves.length > 0; await settled()) leaves.shift()?.();
  };
  return { clock, admission, order, leaves, errors, enter, settled, drain };
}

describe('with a place for everybody', () => {
  test('nobody waits', async () => {
    const { admission, enter, settled, drain } = door(3);
    for (const tenant of ['a', 'a', 'b']) void enter(tenant, RateClass.READ);
    await settled();
    expect(admission.count).toEqual({ places: 3, running: 3, waiting: 0 });
    await drain();
    expect(admission.count).toEqual({ places: 3, running: 0, waiting: 0 });
  });

  test('leaving twice frees one place', async () => {
    const { admission } = door(2);
    const [first] = [await admission.enter(of('a'), RateClass.READ), await admission.enter(of('a'), RateClass.READ)];
    first();
    first();
    expect(admission.count.running).toBe(1);
  });
});

describe('one tenant', () => {
  test('has an eighth of the places at most, though the others are idle', async () => {
    const { admission, order, enter, settled, drain } = door(64);
    for (let i = 0; i < 100; i++) void enter('heavy', RateClass.READ);
    await settled();
    expect(admission.count).toEqual({ places: 64, running: 8, waiting: 92 });
    void enter('light', RateClass.READ);
    await settled();
    expect(order.at(-1)).toBe('light');
    await drain();
    expect(order).toHaveLength(101);
  });
});

describe('with too few places', () => {
  test('the tenant that has the fewest is next, however many calls another has', async () => {
    const { order, enter, settled, drain } = door(2);
    for (let i = 0; i < 50; i++) void enter('heavy', RateClass.READ);
    void enter('light', RateClass.WRITE);
    await settled();
    await drain();
    expect(order.indexOf('light')).toBe(2);
    expect(order).toHaveLength(51);
  });

  test("a tenant's reads are before its writes before the rest, each in its order", async () => {
    const { order, enter, drain } = door(1);
    void enter('b', RateClass.READ, 'busy');
    void enter('a', RateClass.EXPENSIVE, 'expensive');
    void enter('a', RateClass.STREAM, 'stream');
    void enter('a', RateClass.WRITE, 'write 1');
    void enter('a', RateClass.WRITE, 'write 2');
    void enter('a', RateClass.READ, 'read 1');
    void enter('a', RateClass.CREDENTIAL, 'read 2');
    await drain();
    expect(order).toEqual(['busy', 'read 1', 'read 2', 'write 1', 'write 2', 'expensive', 'stream']);
  });

  test('calls between services pass', async () => {
    const { admission, enter, settled } = door(1);
    void enter('a', RateClass.READ);
    await settled();
    await admission.enter(of('a'), RateClass.INTERNAL);
    expect(admission.count).toMatchObject({ running: 1, waiting: 0 });
  });

  test('who waits for too long is sent away and told when to come again, live views first and reads last', async () => {
    const { clock, admission, errors, enter, settled } = door(8);
    for (let i = 0; i < 8; i++) void enter(`b${i % 2}`, RateClass.READ);
    for (const rate of [RateClass.READ, RateClass.WRITE, RateClass.STREAM]) void enter('a', rate);
    await settled();
    const sent: number[] = [];
    for (const now of [499, 500, 1_499, 1_500, 2_999, 3_000]) {
      clock.now = now;
      admission.adjust(101);
      await settled();
      sent.push(errors.length);
    }
    expect(sent).toEqual([0, 1, 1, 2, 2, 3]);
    expect(errors.every((error) => error.code === Code.Unavailable)).toBe(true);
    expect(admission.count).toEqual({ places: 8, running: 8, waiting: 0 });
  });

  test('a queue that is full loses the last call of the tenant with the most', async () => {
    const { errors, order, enter, settled, drain } = door(1);
    for (let i = 0; i < 1_100; i++) void enter('heavy', i % 2 === 0 ? RateClass.READ : RateClass.WRITE);
    void enter('light', RateClass.STREAM);
    await settled();
    expect(errors).toHaveLength(1_100 - 1 - 1_024 + 1);
    expect(errors[0]?.findDetails(ErrorInfoSchema)[0]?.reason).toBe('OVERLOADED');
    expect(errors[0]?.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(1n);
    await drain();
    expect(order.indexOf('light')).toBe(1);
  });
});

describe('the number of places', () => {
  test('falls while the event loop is late, to no less than a few, and rises while all are taken', async () => {
    const { admission, enter, settled } = door(64);
    for (let i = 0; i < 20; i++) admission.adjust(500);
    expect(admission.count.places).toBe(8);
    admission.adjust(0);
    expect(admission.count.places).toBe(8);
    for (let i = 0; i < 10; i++) void enter(`a${i}`, RateClass.READ);
    await settled();
    admission.adjust(0);
    await settled();
    expect(admission.count).toEqual({ places: 16, running: 10, waiting: 0 });
  });
});
