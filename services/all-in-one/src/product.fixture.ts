import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { programEnvironment } from '@truffle/config';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createTruffleClient, type TruffleClient } from '@truffle/api';
import type { ServiceName } from '@truffle/kit';
import { testEngines, until, type TestDatabase } from '@truffle/testkit';

/** The product in a process of its own, as it is shipped: what it writes is heard. */
export interface Product {
  readonly url: string;
  /** All that it wrote to stdout and stderr, at the level of trace. */
  log(): string;
  /** Its last words when it ended by itself, which it never may; undefined otherwise. */
  died(): string | undefined;
  client(credential?: string): TruffleClient;
  /** SIGKILL: nothing is flushed, nothing is said. */
  kill(): Promise<void>;
  /** Lets it stand still for so long, as a frozen machine does; resolves when it goes on. */
  pause(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** @param part the whole product in one process, or the service (or `edge`) that this process is to be */
export async function startProduct(
  database: TestDatabase,
  env: Readonly<Record<string, string>>,
  part: ServiceName | 'edge' | 'all-in-one' = 'all-in-one',
): Promise<Product> {
  const engines = testEngines();
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '../..', part, 'src/main.ts')], {
    env: {
      ...programEnvironment(process.env),
      TRUFFLE_LISTEN: '127.0.0.1:0',
      TRUFFLE_DATABASE_URL: database.adminUrl,
      TRUFFLE_NATS_URL: engines.natsUrl,
      TRUFFLE_TEMPORAL_ADDRESS: engines.temporalAddress,
      TRUFFLE_TEMPORAL_NAMESPACE: engines.temporalNamespace,
      TRUFFLE_LOG_LEVEL: 'trace',
      TRUFFLE_RATE_PERCENT: '1000000',
      ...engines.installation.env,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A test that was ended leaves nothing behind.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  let log = '';
  // For who looks into a long run that failed: what each process said, in a file of its own.
  const kept = process.env['TRUFFLE_TEST_LOGS'];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (kept !== undefined) appendFileSync(join(kept, `${part}-${child.pid}.log`), text);
    });
  let asked = false;
  let died: string | undefined;
  const gone = new Promise<void>((done) =>
    child.once('close', (code, signal) => {
      process.off('exit', end);
      if (!asked) died = `${part} ended (${signal ?? code}): ${log.slice(-2_000)}`;
      done();
    }),
  );
  const stop = (signal: 'SIGKILL' | 'SIGTERM') => async (): Promise<void> => {
    asked = true;
    child.kill(signal);
    await gone;
  };
  const port = await until(
    'the product to serve',
    () => /"port":(\d+).*"msg":"serving"/.exec(log)?.[1] ?? (child.exitCode === null ? undefined : 'none'),
    30_000,
  );
  if (port === 'none') throw new Error(`${part} did not start: ${log}`);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    log: () => log,
    died: () => died,
    client: (credential) =>
      createTruffleClient(
        createConnectTransport({
          baseUrl: url,
          httpVersion: '1.1',
          interceptors: [
            (next) => (request) => {
              if (credential !== undefined) request.header.set('authorization', `Bearer ${credential}`);
              return next(request);
            },
          ],
        }),
      ),
    pause: async (ms) => {
      child.kill('SIGSTOP');
      await delay(ms);
      child.kill('SIGCONT');
    },
    kill: stop('SIGKILL'),
    close: stop('SIGTERM'),
  };
}
