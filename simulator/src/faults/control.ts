import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cluster } from '../cluster/cluster.ts';
import type { Fault } from './faults.ts';

export interface Control {
  /** `http://127.0.0.1:port` */
  url: string;
  close(): Promise<void>;
}

const LIMIT = 1024 * 1024;

/** Serves the dials on loopback: `POST /faults` (one or a list), `GET /faults`, `DELETE /faults[/id]`, `PUT /nodes/{node}` with `{"online":bool}`. */
export async function startControl(cluster: Cluster): Promise<Control> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > LIMIT) request.destroy();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      const { status, body } = turn(
        cluster,
        request.method ?? 'GET',
        request.url ?? '/',
        Buffer.concat(chunks).toString('utf8'),
      );
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function turn(cluster: Cluster, method: string, url: string, body: string): { status: number; body: unknown } {
  try {
    const [, kind, name] = url.split('/');
    if (kind === 'faults' && method === 'GET') return { status: 200, body: cluster.faults.list() };
    if (kind === 'faults' && method === 'POST')
      return { status: 200, body: { ids: parseFaults(body).map((fault) => cluster.faults.add(fault)) } };
    if (kind === 'faults' && method === 'DELETE') {
      if (name === undefined) cluster.faults.clear();
      else if (!cluster.faults.remove(Number(name))) return { status: 404, body: { error: `no fault ${name}` } };
      return { status: 200, body: {} };
    }
    const node = kind === 'nodes' && method === 'PUT' ? cluster.nodes.get(name ?? '') : undefined;
    if (node !== undefined) {
      node.online = JSON.parse(body).online === true;
      return { status: 200, body: {} };
    }
    return { status: 404, body: { error: `nothing at ${method} ${url}` } };
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : String(error) } };
  }
}

export class BadFault extends Error {
  readonly code = 'SIMULATOR_BAD_FAULT';
}

const KINDS = [
  'agent-absent',
  'agent-extra-cards',
  'clone-dies',
  'drop-reply',
  'error',
  'guest-hangs',
  'latency',
  'lease-unknown',
  'neighbour-silent',
  'no-worker',
  'node-down',
  'snapshot-breaks',
  'snapshot-slow',
  'ssh-refused',
  'start-fails-but-runs',
  'step-fails',
  'storage-lock',
  'task-delay',
  'task-fails',
  'task-fails-after',
  'task-unknown',
  'task-warns',
];

/** Reads one fault or a list of them. @throws {BadFault | SyntaxError} */
export function parseFaults(text: string): Fault[] {
  const parsed: unknown = JSON.parse(text);
  const list: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  return list.map((one) => {
    const kind =
      typeof one === 'object' && one !== null && 'action' in one
        ? (one.action as { kind?: unknown } | null)?.kind
        : undefined;
    if (typeof kind !== 'string' || !KINDS.includes(kind))
      throw new BadFault(`a fault needs action.kind, one of ${KINDS.join(', ')}`);
    return one as Fault;
  });
}
