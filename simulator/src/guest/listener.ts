import type { ServerChannel } from 'ssh2';
import type { Guest } from './guest.ts';
import type { Listener } from './services.ts';

const BANNERS: Readonly<Record<string, string>> = { 'redis-server': '', mysql: 'J\0\0\0\n8.0.40\0', mariadb: 'J\0\0\0\n10.11.6-MariaDB\0' };

/** Answers on a service's port: HTTP with a page that names host and service, a banner otherwise. */
export function speak(guest: Guest, listener: Listener, channel: ServerChannel): void {
  channel.on('error', () => channel.close());
  if (listener.protocol === 'raw') {
    const banner = BANNERS[listener.service];
    if (banner !== undefined && banner !== '') channel.write(banner);
    channel.on('data', () => undefined);
    channel.on('end', () => channel.end());
    return;
  }
  let seen = '';
  channel.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1');
    while (seen.includes('\r\n\r\n')) {
      const head = seen.slice(0, seen.indexOf('\r\n\r\n'));
      seen = seen.slice(head.length + 4);
      const close = /^connection:\s*close/im.test(head) || / HTTP\/1\.0$/m.test(head.split('\r\n')[0] ?? '');
      channel.write(response(guest, listener, head, close));
      if (close) channel.end();
    }
  });
  channel.on('end', () => channel.end());
}

function response(guest: Guest, listener: Listener, head: string, close: boolean): string {
  const [verb = 'GET', target = '/'] = head.split('\r\n')[0]?.split(' ') ?? [];
  const page = page_(guest, listener, target);
  const body = verb === 'HEAD' ? '' : page.body;
  return [
    'HTTP/1.1 200 OK', `Server: ${listener.service}`, `X-Simulated-Host: ${guest.hostname}`, `Content-Type: ${page.type}`,
    `Content-Length: ${Buffer.byteLength(page.body)}`, `Connection: ${close ? 'close' : 'keep-alive'}`, '', body,
  ].join('\r\n');
}

/** A file of the document root when the guest has one there; otherwise a page made up. */
function page_(guest: Guest, listener: Listener, target: string): { type: string; body: string } {
  const path = (target.split('?')[0] ?? '/').replace(/\/$/, '/index.html');
  for (const root of ['/var/www/html', '/usr/share/nginx/html', '/srv/www', '/var/www']) {
    const file = guest.disk.read(`${root}${path}`);
    if (file !== undefined) return { type: path.endsWith('.html') ? 'text/html' : 'text/plain', body: file.toString('utf8') };
  }
  return { type: 'text/plain; charset=utf-8', body: `simulated ${listener.service} on ${guest.hostname} (${guest.address ?? 'no address'}) port ${listener.port}\n` };
}
