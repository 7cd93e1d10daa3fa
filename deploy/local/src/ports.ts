import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { readJson, writeJson } from './state-folder.ts';

/** Every port that the local stack listens on, with the one it likes best. */
export const preferredPorts = {
  api: 7400,
  postgres: 7432,
  nats: 7422,
  agents: 7443,
  agentHealth: 7444,
  tenant: 7411,
  template: 7412,
  orchestration: 7413,
  billing: 7414,
  agentGateway: 7415,
  simulator: 7406,
  bastion: 7407,
  temporal: 7433,
  temporalHistory: 7434,
  temporalMatching: 7435,
  temporalWorker: 7436,
  temporalFrontendMembership: 7453,
  temporalHistoryMembership: 7454,
  temporalMatchingMembership: 7455,
  temporalWorkerMembership: 7456,
} as const;

export type PortName = keyof typeof preferredPorts;
export type Ports = Readonly<Record<PortName, number>>;

/**
 * Gives each name a free loopback port: the one remembered in `path`, else the preferred one, else any. A port that had to change is
 * told to `say`. What was chosen is remembered. With `anyPorts`, none is preferred (tests).
 */
export async function choosePorts(path: string, say: (line: string) => void, anyPorts = false): Promise<Ports> {
  const remembered = (readJson(path) ?? {}) as Partial<Record<PortName, number>>;
  const chosen: Record<string, number> = {};
  const taken = new Set<number>();
  for (const name of Object.keys(preferredPorts) as PortName[]) {
    const liked = remembered[name] ?? (anyPorts ? 0 : preferredPorts[name]);
    const port = (liked !== 0 && !taken.has(liked) && (await freePort(liked))) || (await anyFreePort(taken));
    if (liked !== 0 && port !== liked) say(`port ${liked} (${name}) is taken: using ${port}`);
    taken.add(port);
    chosen[name] = port;
  }
  writeJson(path, chosen);
  return chosen as Ports;
}

/**
 * Below 32768, for two reasons: Temporal stores its ports as PostgreSQL smallints, and Linux hands out those above to outgoing connections,
 * so that one could be gone before its engine listens.
 */
const anyPort = { from: 20_000, to: 32_768 };

async function anyFreePort(taken: ReadonlySet<number>): Promise<number> {
  for (;;) {
    const port = randomInt(anyPort.from, anyPort.to);
    if (!taken.has(port) && (await freePort(port)) !== undefined) return port;
  }
}

/** The port if it is free on loopback; undefined when it is taken. */
async function freePort(port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    return await new Promise<number | undefined>((answer, fail) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EADDRINUSE' || error.code === 'EACCES' ? answer(undefined) : fail(error),
      );
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => answer(port));
    });
  } finally {
    server.close();
  }
}
