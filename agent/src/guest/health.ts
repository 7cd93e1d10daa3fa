import type { Duplex } from 'node:stream';
import type { RenderedHealth } from '@truffle/template-language';
import { DecodedFailure } from '../command/failure.ts';
import { pause } from '../pve/pause.ts';
import type { ExecResult } from './connection.ts';
import { GuestUnreachable, type Reach } from './reach.ts';

/** How a guest is asked. */
export interface HealthProbe {
  readonly reach: Reach;
  readonly address: string;
  readonly script: (text: string, signal: AbortSignal) => Promise<ExecResult>;
}

const tryMs = 10_000;

/**
 * Asks until the answer is good.
 * @param tell is given what was wrong, each time that it is something else
 * @throws DecodedFailure UNHEALTHY when the time is over, or the signal's reason
 */
export async function awaitHealthy(
  probe: HealthProbe,
  health: RenderedHealth,
  signal: AbortSignal,
  tell: (text: string) => void,
): Promise<void> {
  const since = performance.now();
  let last = '';
  for (;;) {
    const wrong = await askHealth(probe, health, signal);
    if (wrong === undefined) return;
    if (wrong !== last) tell(wrong);
    last = wrong;
    const left = health.timeoutMs - (performance.now() - since);
    if (left <= 0) throw unhealthy(probe.address, health, last);
    await pause(Math.min(left, health.intervalMs), signal);
  }
}

/** Asks once, for 10 s at most. Undefined when healthy, else what is wrong. @throws the signal's reason, or what stands between */
export async function askHealth(
  probe: HealthProbe,
  health: RenderedHealth,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(tryMs);
  const both = AbortSignal.any([signal, deadline]);
  try {
    if (health.kind === 'exec') {
      const { code, stdout, stderr } = await probe.script(health.run, both);
      return code === 0 ? undefined : `the check exits with ${code}: ${(stderr || stdout).trim().slice(-300)}`;
    }
    const stream = await probe.reach.dial(probe.address, health.port, both);
    if (health.kind === 'tcp') {
      stream.destroy();
      return undefined;
    }
    const status = await httpStatus(stream, probe.address, health, both);
    return status === health.status
      ? undefined
      : `port ${health.port} answers ${status === 0 ? 'no HTTP' : `HTTP ${status}`} to ${health.path}`;
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) return 'no answer in 10 s';
    if (error instanceof GuestUnreachable) return error.message;
    throw error;
  }
}

/** The status that the server answers with; 0 when it is no HTTP. */
function httpStatus(
  stream: Duplex,
  address: string,
  { path, port }: { path: string; port: number },
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let seen = '';
    const done = (status: number): void => {
      signal.removeEventListener('abort', stop);
      stream.destroy();
      resolve(status);
    };
    const stop = (): void => {
      stream.destroy();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
    stream.on('error', () => done(0));
    stream.on('close', () => done(0));
    stream.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      const line = /^HTTP\/1\.[01] (\d{3})/.exec(seen);
      if (line !== null) done(Number(line[1]));
      else if (seen.length > 64) done(0);
    });
    stream.write(
      `GET ${path} HTTP/1.1\r\nHost: ${address}:${port}\r\nUser-Agent: truffle-agent\r\nConnection: close\r\n\r\n`,
    );
  });
}

function unhealthy(address: string, health: RenderedHealth, last: string): DecodedFailure {
  const what =
    health.kind === 'exec'
      ? 'its own check'
      : health.kind === 'tcp'
        ? `port ${health.port}`
        : `http port ${health.port} ${health.path}`;
  return new DecodedFailure({
    reason: 'UNHEALTHY',
    message: `${address} is not healthy after ${Math.round(health.timeoutMs / 1000)} s (${what})`,
    cause: last,
    remedy:
      'Look at the log of the steps and of the service on the server; a slow start needs a longer health.timeout in the template.',
    retryable: true,
    parameters: { address, check: health.kind },
  });
}
