import http2 from 'node:http2';
import { join } from 'node:path';
import { InternalTls, sessionOptions } from '@truffle/kit';
import { releaseFolder } from './agent-release.ts';
import type { Child } from './children.ts';
import type { EngineAddresses, EngineRun } from './engines.ts';
import { isInside, processes, processEnvironment, shapeOf, type ProcessName } from './environment.ts';
import { tlsFolder } from './internal-authority.ts';
import { untilReady } from './readiness.ts';
import { checkout } from './state-folder.ts';

const readyMilliseconds = 60_000;

/**
 * Starts the control plane with its console, in one process or one for each service, and answers when every process says that it is ready. None is ever
 * restarted: one that ends resolves the children's `lost`.
 * @throws ChildError with the log's end when one does not become ready
 */
export async function startControlPlane(
  engineRun: EngineRun,
  engines: EngineAddresses,
  split: boolean,
  consoleFolder: string,
): Promise<void> {
  const shape = shapeOf(split);
  const started = shape.map((name) => ({ name, child: startProcess(engineRun, engines, shape, name, consoleFolder) }));
  await Promise.all(
    started.map(({ name, child }) => untilReady(child, readyMilliseconds, () => saysReady(engineRun, name))),
  );
  for (const { name } of started) engineRun.say(`${name}: ready on 127.0.0.1:${engineRun.ports[processes[name]]}`);
}

function startProcess(
  { children, folder, ports }: EngineRun,
  engines: EngineAddresses,
  shape: readonly ProcessName[],
  name: ProcessName,
  consoleFolder: string,
): Child {
  return children.start({
    name,
    command: process.execPath,
    args: ['--enable-source-maps', join(checkout, 'services', name, 'src', 'main.ts')],
    env: {
      ...processEnvironment(name, folder, ports, engines, shape),
      // Where people come in: alone, or the edge before the services.
      ...(name === 'all-in-one' || name === 'edge'
        ? { TRUFFLE_CONSOLE_DIR: consoleFolder, TRUFFLE_AGENT_RELEASE_DIR: releaseFolder(folder) }
        : {}),
    },
    cwd: folder.root,
    stopMilliseconds: 15_000,
  });
}

async function saysReady({ folder, ports }: EngineRun, name: ProcessName): Promise<boolean> {
  const origin = `127.0.0.1:${ports[processes[name]]}`;
  if (isInside(name)) return saysReadyInside(tlsFolder(folder, 'operator'), name, `https://${origin}`);
  const answer = await fetch(`http://${origin}/readyz`, { signal: AbortSignal.timeout(2000) });
  await answer.arrayBuffer();
  return answer.ok;
}

async function saysReadyInside(shown: string, name: string, origin: string): Promise<boolean> {
  const session = http2.connect(origin, sessionOptions(name, origin, new InternalTls(shown)));
  try {
    return await new Promise<boolean>((resolve, reject) => {
      session.once('error', reject);
      session.setTimeout(2000, () => reject(new Error(`${name} did not answer within 2 s`)));
      const stream = session.request({ ':path': '/readyz' });
      stream.once('error', reject);
      stream.once('response', (headers) => resolve(headers[':status'] === 200));
    });
  } finally {
    session.destroy();
  }
}
