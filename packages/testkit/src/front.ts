import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP address that stays while what is behind it comes and goes, as a load balancer's does. */
export interface Front {
  /** `host:port`. */
  readonly address: string;
  /** From now on new connections go to these ports of the loopback, in turn; to none: they are refused. Open ones go on. */
  to(...ports: readonly number[]): void;
  /** Ends every open connection, as a network that broke does. */
  cut(): void;
  close(): Promise<void>;
}

/** @param listen address of this machine and port; a free one of the loopback unless told */
export async function openFront({ host = '127.0.0.1', port: at = 0 } = {}): Promise<Front> {
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
  await new Promise<void>((done) => server.listen(at, host, done));
  return {
    address: `${host}:${(server.address() as AddressInfo).port}`,
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
