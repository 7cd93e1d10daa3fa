import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:https';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { AddressRanges, protect, serveReleases } from '@truffle/kit';
import type { Authorities } from '../authority/authorities.ts';

const agentFolder = resolve(import.meta.dirname, '../../../../agent');
const buildMs = 180_000;

/** Makes a release of this checkout's agent for this platform, under another version where one is named. */
export async function makeRelease(out: string, version: string): Promise<void> {
  const args = ['--out', out, '--key', join(out, 'release.key.pem'), '--make-key', '--quick', '--version', version];
  const platform = ['--platform', `linux-${process.arch}`];
  await promisify(execFile)(process.execPath, [join(agentFolder, 'release.ts'), ...args, ...platform], {
    timeout: buildMs,
  });
}

export interface SecureOrigin {
  readonly url: string;
  /** PEM of the authority that its certificate is from. */
  readonly authority: string;
  close(): void;
}

/** An origin and a folder of releases over HTTPS, by a certificate of an authority of one's own. */
export async function serveSecurely(
  origin: string,
  authorities: Pick<Authorities, 'issueServer' | 'pem'>,
  host: string,
  folder: string,
): Promise<SecureOrigin> {
  const releases = serveReleases({ folder, trustedProxies: new AddressRanges([]), now: () => performance.now() });
  const { key, certificate } = await authorities.issueServer([host]);
  const server: Server = createServer({ key, cert: certificate }, (incoming, response) => {
    protect(response);
    if (releases(incoming, response)) return;
    const { method, url = '', headers } = incoming;
    if (url === '/healthz') return void response.end('ok\n');
    const onward = request(new URL(url, origin), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((done) => server.listen(0, host, done));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `https://${host}:${(server.address() as AddressInfo).port}`, authority: authorities.pem, close };
}
