import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { Child, Children } from '../children.ts';
import { tlsFiles } from '@truffle/kit';
import { tlsFolder } from '../internal-authority.ts';
import { untilReady } from '../readiness.ts';
import { writePrivately, type StateFolder } from '../state-folder.ts';
import type { EngineRelease } from './engine-release.ts';

const version = '2.15.2';

export const natsRelease: EngineRelease = {
  name: 'nats',
  version,
  programs: {
    server: {
      file: 'nats-server',
      versionArgs: ['--version'],
      goPackage: `github.com/nats-io/nats-server/v2@v${version}`,
    },
  },
  accepts: (found) => /^2\.(1[5-9]|[2-9]\d)\./.test(found),
  archive: (platform, architecture) => ({
    path: `/nats-io/nats-server/releases/download/v${version}/nats-server-v${version}-${platform}-${architecture}.tar.gz`,
    sums: `/nats-io/nats-server/releases/download/v${version}/SHA256SUMS`,
  }),
  buildTime: 'about half a minute',
};

const user = 'truffle';

/** The URL with the login and the folder of the client's certificate in it; clients of the nats.js family want it taken apart. */
export const natsUrl = (port: number, password: string, tlsFolder: string): string =>
  `tls://${user}:${password}@127.0.0.1:${port}?tls=${encodeURIComponent(tlsFolder)}`;

/** Starts NATS with JetStream on disk and answers when it takes clients. */
export async function startNats(
  children: Children,
  folder: StateFolder,
  program: string,
  port: number,
  password: string,
): Promise<Child> {
  const shown = tlsFolder(folder, 'nats');
  const config = join(folder.nats, 'nats.conf');
  const settings = {
    server_name: 'truffle-local',
    host: '127.0.0.1',
    port,
    jetstream: {
      store_dir: join(folder.nats, 'jetstream'),
      max_memory_store: 64 * 2 ** 20,
      max_file_store: 4 * 2 ** 30,
    },
    authorization: { user, password },
    // Both sides show a certificate of this installation, and only then is anybody asked for the password.
    tls: {
      cert_file: join(shown, tlsFiles.certificate),
      key_file: join(shown, tlsFiles.key),
      ca_file: join(shown, tlsFiles.authority),
      verify: true,
      min_version: '1.3',
    },
  };
  // NATS reads JSON as its own format.
  writePrivately(config, JSON.stringify(settings, null, 2));
  const child = children.start({ name: 'nats', command: program, args: ['--config', config] });
  await untilReady(child, 30_000, () => greetsWithJetStream(port));
  return child;
}

/** NATS greets each client with one line of JSON about itself. */
function greetsWithJetStream(port: number): Promise<boolean> {
  return new Promise((answer, fail) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 2000 });
    const end = (outcome: boolean): void => {
      socket.destroy();
      answer(outcome);
    };
    socket.once('error', fail);
    socket.once('timeout', () => end(false));
    socket.once('data', (greeting) => end(/^INFO .*"jetstream":true/.test(greeting.toString('utf8'))));
  });
}
