import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connectBell } from '@truffle/kit';
import { createLogger } from '@truffle/telemetry';
import { testEngines } from '@truffle/testkit';
import { expect, it } from 'vitest';

/** What NATS says first, where it wants TLS. */
const info = `INFO ${JSON.stringify({ server_id: 'x', version: '2.12.0', proto: 1, max_payload: 1024, tls_required: true })}\r\n`;

// An error that no listener hears ends the process: here it would fail the run.
it('outlives a connection to NATS that breaks at any moment before it is secured', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(info, () => void delay(Math.random() * 3).then(() => socket.resetAndDestroy()));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = new URL(testEngines().natsUrl);
  url.port = String((server.address() as AddressInfo).port);
  for (let n = 0; n < 100; n++)
    await expect(connectBell(url.href, 'test', createLogger('test', 'silent'))).rejects.toThrow();
  server.close();
});
