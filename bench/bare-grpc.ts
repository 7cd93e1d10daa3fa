import * as grpc from '@grpc/grpc-js';

/** The name in a gateway's certificate; written out, as its module would bring the certificate library into processes whose memory is measured. */
const serverName = 'agents.truffle.internal';

/** What one side of a bare stream shows and trusts, PEM. */
export interface BareKeys {
  readonly authority: string;
  readonly key: string;
  readonly certificate: string;
}

/** The floor that streams are compared with: grpc-js with the same mutual TLS and keep-alive, and a handler that sends each message back. */
export function serveEcho(
  keys: BareKeys,
  address = '127.0.0.1:0',
  options: grpc.ServerOptions = {},
): Promise<{ readonly server: grpc.Server; readonly port: number }> {
  const server = new grpc.Server(options);
  server.addService(
    {
      echo: {
        path: echoPath,
        requestStream: true,
        responseStream: true,
        requestSerialize: raw,
        requestDeserialize: raw,
        responseSerialize: raw,
        responseDeserialize: raw,
      },
    },
    {
      echo: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (message: Buffer) => call.write(message));
        call.on('end', () => call.end());
        call.on('error', () => undefined);
      },
    },
  );
  const credentials = grpc.ServerCredentials.createSsl(
    Buffer.from(keys.authority),
    [{ private_key: Buffer.from(keys.key), cert_chain: Buffer.from(keys.certificate) }],
    true,
  );
  return new Promise((resolve, reject) =>
    server.bindAsync(address, credentials, (error, port) =>
      error === null ? resolve({ server, port }) : reject(error),
    ),
  );
}

/** A client of one connection, as the agent's. */
export function bareClient(endpoint: string, keys: BareKeys, options: grpc.ClientOptions = {}): grpc.Client {
  return new grpc.Client(
    endpoint,
    grpc.credentials.createSsl(Buffer.from(keys.authority), Buffer.from(keys.key), Buffer.from(keys.certificate)),
    {
      'grpc.ssl_target_name_override': serverName,
      'grpc.default_authority': serverName,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      ...options,
    },
  );
}

const raw = (bytes: Buffer): Buffer => bytes;
const echoPath = '/bench.Echo/Echo';

/** A stream to `serveEcho`. */
export const openEcho = (client: grpc.Client): grpc.ClientDuplexStream<Buffer, Buffer> =>
  client.makeBidiStreamRequest(echoPath, raw, raw);
