import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP address that stays while what is behind it comes and goes, as a load balancer's does. */
export interface Front {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** From now on new connections go to these ports of the loopback, in turn; to none: they are refused. Open ones go on. */
  to(...ports: readonly number[]): void;
  /** Ends every open connection, as a network that broke does. */
  cut(): void;
  close(): Promise<void>;
}

export async function openFront(): Promise<Front> {
  let targets: readonly number[] = [];
  let turn = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const port = targets[turn++ % targets.length];
    if (port === undefined) return void near.resetAndDestroy();
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.once('close', () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    to: (...ports) => {
      targets = ports;
    },
    cut: () => open.forEach((socket) => socket.resetAndDestroy()),
    close: () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const socket of open) socket.destroy();
      return closed;
    },
  };
}
