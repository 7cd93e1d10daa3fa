import type { Transport } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createTruffleClient, type TruffleClient } from '@truffle/api';
import { startHost, type Host, type MakeModule, type ServiceName } from '@truffle/kit';
import type { TestDatabase } from './database.ts';
import { testEngines } from './engines.ts';

/** Services of the product in this process, on a port of their own, over the run's engines. */
export interface TestHost {
  readonly url: string;
  readonly host: Host;
  /** A client that signs in with `credential` (a session token or an API key). */
  client(credential?: string): TruffleClient;
  transport(credential?: string): Transport;
  close(): Promise<void>;
}

export async function testHost(
  database: TestDatabase,
  makers: Readonly<Partial<Record<ServiceName, MakeModule>>>,
  env: Readonly<Record<string, string>> = {},
): Promise<TestHost> {
  const engines = testEngines();
  const host = await startHost('test', makers, {
    TRUFFLE_LISTEN: '127.0.0.1:0',
    TRUFFLE_DATABASE_URL: database.adminUrl,
    TRUFFLE_NATS_URL: engines.natsUrl,
    TRUFFLE_TEMPORAL_ADDRESS: engines.temporalAddress,
    TRUFFLE_TEMPORAL_NAMESPACE: engines.temporalNamespace,
    TRUFFLE_LOG_LEVEL: 'error',
    TRUFFLE_RATE_PERCENT: '1000000',
    ...engines.installation.env,
    ...env,
  });
  const url = `http://127.0.0.1:${host.port}`;
  const transport = (credential?: string): Transport =>
    createConnectTransport({
      baseUrl: url,
      httpVersion: '1.1',
      interceptors:
        credential === undefined
          ? []
          : [
              (next) => (request) => {
                request.header.set('authorization', `Bearer ${credential}`);
                return next(request);
              },
            ],
    });
  return {
    url,
    host,
    transport,
    client: (credential) => createTruffleClient(transport(credential)),
    close: () => host.close(),
  };
}
