import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished, describe, expect, test } from 'vitest';
import { Entrance, type EntranceLimits } from './entrance.ts';

/** An entrance and how to knock; `admitted` in the order in which they came in, by their own ports. */
async function open(limits: Partial<EntranceLimits>) {
  const clock = { now: 0 };
  const admitted: number[] = [];
  const watchers = new Set<() => void>();
  const entrance = new Entrance(
    (socket) => {
      admitted.push(socket.remotePort ?? 0);
      socket.resume();
      watchers.forEach((look) => look());
    },
    { insideMs: 60_000, ...limits },
    () => clock.now,
  );
  const port = await entrance.listen('127.0.0.1', 0);
  onTestFinished(() => entrance.close());
  const knock = async (localAddress = '127.0.0.1'): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    // It may be cut off before it hears that it was connected.
    await new Promise((done) => socket.once('connect', done).once('close', done));
    return socket;
  };
  const until = async (count: number): Promise<void> => {
    while (admitted.length < count) await new Promise<void>((done) => watchers.add(done));
  };
  /** Resolves when so many are known to the entrance: a connection is there before the process hears of it. */
  const untilSeen = async (count: number): Promise<void> => {
    while (admitted.length + entrance.count.waiting < count) await new Promise((done) => setImmediate(done));
  };
  return { entrance, clock, admitted, knock, until, untilSeen };
}

const portOf = (socket: Socket): number => socket.localPort ?? 0;
const settle = (entrance: Entrance, socket: Socket): void => entrance.settled(`127.0.0.1:${portOf(socket)}`);

describe('the entrance', () => {
  test('lets in a few at a time, first come, first served', async () => {
    const { entrance, admitted, knock, until, untilSeen } = await open({ inside: 2 });
    const sockets: Socket[] = [];
    for (let i = 1; i <= 5; i++) {
      sockets.push(await knock());
      await untilSeen(i);
    }
    expect(entrance.count).toEqual({ waiting: 3, inside: 2 });
    const [a, b, c, , e] = sockets as [Socket, Socket, Socket, Socket, Socket];
    const ports = sockets.map(portOf);
    settle(entrance, b);
    await until(3);
    // Who is told of twice, or was never inside, frees no second place.
    settle(entrance, b);
    settle(entrance, e);
    expect(entrance.count).toEqual({ waiting: 2, inside: 2 });
    a.destroy();
    await until(4);
    settle(entrance, c);
    await until(5);
    expect(admitted).toEqual(ports);
  });

  test('keeps room for others than those who come from one address', async () => {
    const { admitted, knock, until, untilSeen } = await open({ inside: 2, insideEach: 1 });
    const first = await knock();
    await untilSeen(1);
    const second = await knock();
    await untilSeen(2);
    const other = await knock('127.0.0.2');
    await until(2);
    expect(admitted).toEqual([first, other].map(portOf));
    first.destroy();
    await until(3);
    expect(admitted.at(-1)).toBe(portOf(second));
  });

  test('does not let one that stalls hold the others up', async () => {
    const { knock, until } = await open({ inside: 1, insideMs: 20 });
    await knock();
    await knock();
    await until(2);
  });

  test('cuts off who waited for too long, and lets in who comes then', async () => {
    const { entrance, clock, knock, untilSeen, admitted, until } = await open({ inside: 1, patienceMs: 100 });
    const first = await knock();
    await until(1);
    const late = await knock();
    await untilSeen(2);
    clock.now = 101;
    const next = await knock();
    await untilSeen(3);
    settle(entrance, first);
    await once(late, 'close');
    await until(2);
    expect(admitted).toEqual([first, next].map(portOf));
  });

  test('holds a bounded queue: who comes beyond it is cut off at once', async () => {
    const { entrance, knock, untilSeen } = await open({ inside: 1, waiting: 2 });
    for (let i = 1; i <= 3; i++) {
      await knock();
      await untilSeen(i);
    }
    const beyond = await knock();
    if (!beyond.closed) await once(beyond, 'close');
    expect(entrance.count).toEqual({ waiting: 2, inside: 1 });
  });
});
