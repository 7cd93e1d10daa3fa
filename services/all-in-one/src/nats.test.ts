import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectBell, tlsFiles } from '@truffle/kit';
import { createLogger } from '@truffle/telemetry';
import { openFront, testEngines, until } from '@truffle/testkit';
import { expect, it } from 'vitest';

const logger = createLogger('test', 'silent');
/** What NATS says first, where it wants TLS. */
const info = `INFO ${JSON.stringify({ server_id: 'x', version: '2.12.0', proto: 1, max_payload: 1024, tls_required: true })}\r\n`;

/** The address of NATS as it is given to services, at another port. */
function natsAt(port: number): URL {
  const url = new URL(testEngines().natsUrl);
  url.port = String(port);
  return url;
}

// An error that no listener hears ends the process: here it would fail the run.
it('outlives connections to NATS that break at any moment before they are secured', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(info, () => void delay(Math.random() * 3).then(() => socket.resetAndDestroy()));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { href } = natsAt((server.address() as AddressInfo).port);
  for (let n = 0; n < 100; n++) await expect(connectBell(href, 'test', logger)).rejects.toThrow();
  server.close();
});

it('shows NATS at each connection the certificate that its files hold by then', async () => {
  const front = await openFront();
  front.to(Number(new URL(testEngines().natsUrl).port));
  const url = natsAt(Number(front.address.split(':')[1]));
  const given = url.searchParams.get('tls') ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'truffle-nats-tls-'));
  cpSync(given, folder, { recursive: true });
  url.searchParams.set('tls', folder);
  const bell = await connectBell(url.href, 'test', logger);
  const seen: string[] = [];
  void (async () => {
    for await (const { type } of bell.connection.status()) seen.push(type);
  })();

  writeFileSync(join(folder, tlsFiles.certificate), 'no certificate');
  front.cut();
  await until('two tries', () => seen.filter((type) => type === 'reconnecting').length >= 2, 20_000);
  expect(seen).not.toContain('reconnect');
  cpSync(given, folder, { recursive: true });
  await until('the connection to be there again', () => seen.includes('reconnect'), 20_000);

  await bell.close();
  await front.close();
  rmSync(folder, { recursive: true });
});
