import type { Guest } from './guest.ts';
import { texts } from './ports.ts';
import type { Listener } from './services.ts';

/** An HTTP answer, body as bytes in a string. */
export interface Answer {
  status: number;
  type: string;
  body: string;
}

/** Where the guests of a site find each other. */
export interface Site {
  /** What HTTP at a guest (by VMID or address) and port answers; nothing when nobody listens. */
  ask(where: number | string, port: number, target: string): Answer | undefined;
  /** Whether anything listens there. */
  listens(where: number | string, port: number): boolean;
}

/** Hops from one proxy to the next before it counts as a loop. */
const HOPS = 5;

const WEB_SERVERS = ['apache2', 'caddy', 'lighttpd'];

export function makeSite(find: (where: number | string) => Guest | undefined): Site {
  let turn = 0;
  const ask = (where: number | string, port: number, target: string, hops: number): Answer | undefined => {
    const guest = find(where);
    const listener = guest?.services.listener(port);
    if (guest === undefined || listener === undefined || listener.protocol !== 'http') return undefined;
    if (hops > HOPS) return { status: 508, type: 'text/plain', body: 'loop\n' };
    if (listener.service === 'haproxy') return balance(guest, target, hops);
    if (listener.service === 'nginx')
      return nginx(guest, listener, target, (proxyPort) => ask(guest.vmid, proxyPort, target, hops + 1));
    return document(
      guest,
      listener,
      target,
      WEB_SERVERS.includes(listener.service) ? ['/var/www/html', '/srv/www', '/srv/site'] : [],
    );
  };
  const balance = (guest: Guest, target: string, hops: number): Answer => {
    const servers = [...texts(guest.disk, ['/etc/haproxy']).matchAll(/^\s*server\s+\S+\s+([\d.]+):(\d+)/gm)];
    for (let at = 0; at < servers.length; at += 1) {
      turn += 1;
      const [, address = '', port = '80'] = servers[turn % servers.length] ?? [];
      const answer = ask(address, Number(port), target, hops + 1);
      if (answer !== undefined) return answer;
    }
    if (servers.length === 0)
      return { status: 200, type: 'text/plain', body: `simulated haproxy on ${guest.hostname}\n` };
    return {
      status: 503,
      type: 'text/html',
      body: '<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n',
    };
  };
  return {
    ask: (where, port, target) => ask(where, port, target, 0),
    listens: (where, port) => find(where)?.services.listener(port) !== undefined,
  };
}

/** nginx by its configuration: fixed returns, proxied ports, a root. */
function nginx(guest: Guest, listener: Listener, target: string, proxy: (port: number) => Answer | undefined): Answer {
  const config = texts(guest.disk, ['/etc/nginx/conf.d', '/etc/nginx/sites-enabled']);
  const path = target.split('?')[0] ?? '/';
  for (const match of config.matchAll(/location\s+(=\s+)?(\/\S*)\s*\{([^}]*)\}/g)) {
    const [, exact, place = '/', block = ''] = match;
    if (exact === undefined ? !path.startsWith(place) : path !== place) continue;
    const fixed = /return\s+(\d{3})(?:\s+"?([^";]*)"?)?/.exec(block);
    if (fixed !== null) return { status: Number(fixed[1]), type: 'text/plain', body: fixed[2] ?? '' };
    const port = /proxy_pass\s+https?:\/\/(?:127\.0\.0\.1|localhost)(?::(\d+))?/.exec(block)?.[1];
    if (port !== undefined)
      return proxy(Number(port)) ?? { status: 502, type: 'text/html', body: '<h1>502 Bad Gateway</h1>\n' };
  }
  const roots = [...config.matchAll(/^\s*root\s+([^;]+);/gm)].map((match) => match[1] ?? '');
  return document(guest, listener, target, [...roots, '/var/www/html', '/usr/share/nginx/html']);
}

/** A file of a document root when there is one; otherwise a page that names host and service. */
function document(guest: Guest, listener: Listener, target: string, roots: readonly string[]): Answer {
  const path = (target.split('?')[0] ?? '/').replace(/\/$/, '/index.html');
  for (const root of roots) {
    const file = guest.disk.read(`${root}${path}`);
    if (file !== undefined)
      return { status: 200, type: path.endsWith('.html') ? 'text/html' : 'text/plain', body: file.toString('latin1') };
  }
  return {
    status: 200,
    type: 'text/plain; charset=utf-8',
    body: `simulated ${listener.service} on ${guest.hostname} (${guest.address ?? 'no address'}) port ${listener.port}\n`,
  };
}
