import { STATUS_CODES } from 'node:http';
import type { ServerChannel } from 'ssh2';
import type { Guest } from './guest.ts';
import type { Listener } from './services.ts';

/** What a service says first, where it speaks first. */
const BANNERS: Readonly<Record<string, string>> = { mysql: 'J\0\0\0\n8.0.40\0', mariadb: 'J\0\0\0\n10.11.6-MariaDB\0' };
const HEAD_LIMIT = 64 * 1024;

/** Answers on a service's port: HTTP as the site has it, a banner or silence otherwise. */
export function speak(guest: Guest, listener: Listener, channel: ServerChannel): void {
  channel.on('error', () => channel.close());
  channel.on('end', () => channel.end());
  if (listener.protocol === 'raw') {
    channel.write(BANNERS[listener.service] ?? '');
    channel.on('data', () => undefined);
    return;
  }
  let seen = '';
  channel.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1');
    while (seen.includes('\r\n\r\n')) {
      const head = seen.slice(0, seen.indexOf('\r\n\r\n'));
      const length = Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0);
      if (seen.length < head.length + 4 + length) break;
      seen = seen.slice(head.length + 4 + length);
      const close = /^connection:\s*close/im.test(head) || (head.split('\r\n')[0] ?? '').endsWith(' HTTP/1.0');
      channel.write(Buffer.from(response(guest, listener, head, close), 'latin1'));
      if (close) channel.end();
    }
    if (seen.length > HEAD_LIMIT) channel.close();
  });
}

function response(guest: Guest, listener: Listener, head: string, close: boolean): string {
  const [verb = 'GET', target = '/'] = head.split('\r\n')[0]?.split(' ') ?? [];
  const answer = guest.site.ask(guest.vmid, listener.port, target) ?? { status: 503, type: 'text/plain', body: '' };
  return [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`,
    `Server: ${listener.service}`,
    `X-Simulated-Host: ${guest.hostname}`,
    `Content-Type: ${answer.type}`,
    `Content-Length: ${answer.body.length}`,
    `Connection: ${close ? 'close' : 'keep-alive'}`,
    '',
    verb === 'HEAD' ? '' : answer.body,
  ].join('\r\n');
}
