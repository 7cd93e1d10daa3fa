import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@truffle/testkit/free-port';
import type { GuestAccess } from './connection.ts';
import { HostKeys } from './host-keys.ts';
import { loadSiteKey } from './site-key.ts';
import { makeSshKey } from './ssh-key.ts';

const program = '/usr/sbin/sshd';

/** Why no OpenSSH server can be started here; undefined when it can. */
export const noSshd: string | undefined = !existsSync(program)
  ? 'needs openssh-server'
  : process.getuid?.() === 0
    ? undefined
    : 'needs root, as scripts run as root';

/** OpenSSH's own server on loopback, and a way to it that can be cut. */
export interface Sshd extends AsyncDisposable {
  readonly access: GuestAccess;
  readonly port: number;
  /** Where uploads go. */
  readonly home: string;
  /** Cuts each connection after so many bytes that it was sent; undefined for none. */
  cutAfter(bytes: number | undefined): void;
}

/** @param options lines for its configuration; `home` is where SFTP begins */
export async function startSshd(options: { readonly sftp?: boolean; readonly home?: string } = {}): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'truffle-sshd-'));
  const home = options.home ?? join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const key = loadSiteKey(folder);
  writeFileSync(join(folder, 'authorized_keys'), `${key.publicKey}\n`);
  const hostKey = join(folder, 'host_key');
  writeFileSync(hostKey, makeSshKey('host'), { mode: 0o600 });
  const port = await freePort();
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
    ...(options.sftp === false ? [] : [`Subsystem sftp internal-sftp -d ${home}`]),
  ];
  writeFileSync(join(folder, 'config'), `${lines.join('\n')}\n`);
  mkdirSync('/run/sshd', { recursive: true });
  const child = spawn(program, ['-D', '-e', '-f', join(folder, 'config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((ready, failed) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Server listening')) ready();
    });
    child.once('exit', () => failed(new Error(`sshd ended: ${said}`)));
  });
  let cut: number | undefined;
  const sockets = new Set<Socket>();
  const dial = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.once('error', reject);
      socket.once('connect', () => resolve(socket));
      const watch = setInterval(() => {
        if (cut !== undefined && socket.bytesWritten > cut) socket.destroy();
      }, 1);
      socket.once('close', () => clearInterval(watch));
    });
  return {
    access: {
      reach: { dial, close: () => undefined },
      key,
      user: userInfo().username,
      hostKeys: new HostKeys(folder),
    },
    port,
    home,
    cutAfter: (bytes) => (cut = bytes),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
