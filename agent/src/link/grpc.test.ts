import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { newAuthority } from '../testing/pki.ts';
import { grpcDialer } from './grpc.ts';

test('a dial that failed leaves nothing behind that connects again later', async () => {
  const authority = await newAuthority();
  const own = await authority.issue('agt_1');
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const dialer = grpcDialer(() => ({ ...own, authorities: authority.certificate, serverName: 'gateway' }));
  const dial = (): Promise<unknown> =>
    new Promise((lost) => {
      const nothing = (): void => undefined;
      const events = { reached: nothing, connected: nothing, received: nothing, drained: nothing, lost };
      dialer.dial(`127.0.0.1:${port}`, events);
    });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  for (let i = 1; i <= 3; i++) {
    await dial();
    // The library's own back-off is over.
    vi.advanceTimersByTime(10_000);
    await dial();
    expect(connections).toBe(2 * i);
  }
});
