import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the agent says of itself to whoever watches its host. */
export interface Vitals {
  /** Whether a session with a gateway is open. */
  readonly connected: () => boolean;
  /** Commands in the journal that are not settled. */
  readonly openCommands: () => number;
  /** Whether it begins nothing because it is in quarantine. */
  readonly quarantined: () => boolean;
  readonly version: string;
}

export interface HealthServer {
  readonly port: number;
  close(): void;
}

/**
 * Serves `/healthz` (the process works), `/readyz` (a session is open) and `/metrics` (Prometheus' text format) on `listen`, `host:port`: for
 * the site's own monitoring, so bind it to loopback or to a network of the site's.
 */
export async function serveHealth(listen: string, vitals: Vitals): Promise<HealthServer> {
  const colon = listen.lastIndexOf(':');
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) => {
    const [status, body] = answerTo(request.url ?? '', vitals);
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
  });
  await listening(server, listen.slice(0, colon), Number(listen.slice(colon + 1)));
  server.unref();
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

function answerTo(path: string, vitals: Vitals): readonly [number, string] {
  switch (path) {
    case '/healthz':
      return [200, 'ok\n'];
    case '/readyz':
      return vitals.connected() ? [200, 'ready\n'] : [503, 'not ready: no session with a gateway\n'];
    case '/metrics':
      return [200, metrics(vitals)];
    default:
      return [404, 'there are /healthz, /readyz and /metrics\n'];
  }
}

const metrics = ({ connected, openCommands, quarantined, version }: Vitals): string => `# TYPE truffle_agent_info gauge
truffle_agent_info{version="${version}"} 1
# HELP truffle_agent_connected Whether a session with a gateway is open.
# TYPE truffle_agent_connected gauge
truffle_agent_connected ${connected() ? 1 : 0}
# HELP truffle_agent_open_commands Commands in the journal that are not settled.
# TYPE truffle_agent_open_commands gauge
truffle_agent_open_commands ${openCommands()}
# HELP truffle_agent_quarantined Whether it begins nothing because it is in quarantine.
# TYPE truffle_agent_quarantined gauge
truffle_agent_quarantined ${quarantined() ? 1 : 0}
# HELP process_resident_memory_bytes Resident memory.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes ${process.memoryUsage.rss()}
# HELP process_cpu_seconds_total User and system time.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total ${(process.cpuUsage().user + process.cpuUsage().system) / 1e6}
`;

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
