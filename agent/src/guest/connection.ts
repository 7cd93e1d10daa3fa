import type { Duplex } from 'node:stream';
import type ssh2 from 'ssh2';
import { jitter, pause } from '../pve/pause.ts';
import type { HostKeys } from './host-keys.ts';
import { fingerprint, GuestUnreachable, openChannel, type Reach } from './reach.ts';
import type { SiteKey } from './site-key.ts';
import { upload, UploadRefused } from './upload.ts';

/** How guests are reached and logged in to. */
export interface GuestAccess {
  readonly reach: Reach;
  readonly key: SiteKey;
  readonly user: string;
  readonly hostKeys: HostKeys;
  /** How long a guest may refuse the key or the connection, in milliseconds: cloud-init makes the user a moment after sshd greets. */
  readonly loginMs?: number;
}

/** The guest's host key is not the one that was pinned. */
export class HostKeyChanged extends Error {
  override readonly name = 'HostKeyChanged';
  readonly code = 'GUEST_HOST_KEY_CHANGED';
}

/** The guest refuses the agent's key. */
export class GuestLoginRefused extends Error {
  override readonly name = 'GuestLoginRefused';
  readonly code = 'GUEST_LOGIN_REFUSED';
}

export interface ExecResult {
  /** Exit status; 255 when it was ended by a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const handshakeMs = 20_000;
const outputLimit = 4 * 1024 * 1024;
const usualLoginMs = 90_000;

/** One SSH connection to one guest. */
export class GuestConnection {
  readonly #client: ssh2.Client;
  readonly #asRoot: string;

  constructor(client: ssh2.Client, user: string) {
    this.#client = client;
    this.#asRoot = user === 'root' ? 'sh -s' : 'sudo -n sh -s';
  }

  /** Runs a script as root with plain sh, given on stdin so that nothing of it is in a process list. @throws GuestUnreachable, or the signal's reason */
  async script(text: string, signal: AbortSignal): Promise<ExecResult> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const cut = (): void => {
        reject(signal.reason as Error);
        this.close();
      };
      const lost = (cause?: Error): void => reject(new GuestUnreachable('the SSH connection was lost', { cause }));
      signal.addEventListener('abort', cut, { once: true });
      this.#client.once('close', lost);
      const settled = (): void => {
        signal.removeEventListener('abort', cut);
        this.#client.removeListener('close', lost);
      };
      this.#client.exec(this.#asRoot, (error, channel) => {
        if (error !== undefined) {
          settled();
          return lost(error);
        }
        collect(channel, (result) => {
          settled();
          if (result === undefined) lost();
          else resolve(result);
        });
        channel.end(text);
      });
    });
  }

  /** Puts the content into a file of the login's own by SFTP. @returns its path; undefined when the guest has no SFTP. @throws UploadRefused, GuestUnreachable, or the signal's reason */
  async upload(content: Buffer, signal: AbortSignal): Promise<string | undefined> {
    signal.throwIfAborted();
    const cut = (): void => this.close();
    signal.addEventListener('abort', cut, { once: true });
    try {
      return await upload(this.#client, content);
    } catch (cause) {
      signal.throwIfAborted();
      throw cause instanceof UploadRefused ? cause : new GuestUnreachable('an upload broke off', { cause });
    } finally {
      signal.removeEventListener('abort', cut);
    }
  }

  /** Opens a stream to a port as the guest itself sees it. @throws GuestUnreachable, or the signal's reason */
  channel(address: string, port: number, signal: AbortSignal): Promise<Duplex> {
    return openChannel(this.#client, address, port, signal);
  }

  /** Calls `act` once the connection has ended. */
  onClose(act: () => void): void {
    this.#client.once('close', act);
  }

  close(): void {
    this.#client.end();
  }
}

/**
 * Connects and logs in; a guest that is still making its user is given time.
 * @throws HostKeyChanged, GuestLoginRefused, GuestUnreachable, or the signal's reason
 */
export async function connectGuest(
  access: GuestAccess,
  serverId: string,
  address: string,
  signal: AbortSignal,
): Promise<GuestConnection> {
  const since = performance.now();
  for (let at = 0; ; at++) {
    try {
      return new GuestConnection(await handshake(access, serverId, address, signal), access.user);
    } catch (error) {
      const mayPass = error instanceof GuestLoginRefused || error instanceof GuestUnreachable;
      if (!mayPass || performance.now() - since > (access.loginMs ?? usualLoginMs)) throw error;
    }
    await pause(100 + jitter(at, 200, 3_000), signal);
  }
}

async function handshake(
  access: GuestAccess,
  serverId: string,
  address: string,
  signal: AbortSignal,
): Promise<ssh2.Client> {
  const { Client } = (await import('ssh2')).default;
  const sock = await access.reach.dial(address, 22, signal);
  return new Promise((resolve, reject) => {
    const client = new Client();
    let changed = false;
    const stop = (): void => {
      reject(signal.reason as Error);
      client.destroy();
    };
    signal.addEventListener('abort', stop, { once: true });
    client.once('ready', () => {
      signal.removeEventListener('abort', stop);
      resolve(client);
    });
    client.on('error', (cause) => {
      signal.removeEventListener('abort', stop);
      if (changed) return reject(new HostKeyChanged(`the host key of ${address} is not the pinned one of ${serverId}`));
      if (cause.level === 'client-authentication')
        return reject(new GuestLoginRefused(`${address} refuses the agent's key for ${access.user}`, { cause }));
      reject(new GuestUnreachable(`SSH to ${address} failed: ${cause.message}`, { cause }));
    });
    client.once('close', () => {
      signal.removeEventListener('abort', stop);
      sock.destroy();
      reject(new GuestUnreachable(`${address} closed the SSH connection`));
    });
    client.connect({
      sock,
      username: access.user,
      privateKey: access.key.privateKey,
      readyTimeout: handshakeMs,
      keepaliveInterval: 15_000,
      keepaliveCountMax: 4,
      hostVerifier: (key: Buffer) => {
        changed = !access.hostKeys.accepts(serverId, fingerprint(key));
        return !changed;
      },
    });
  });
}

/** Reads a channel to its end; undefined when the connection broke before an exit status came. Output beyond 4 MiB is dropped. */
function collect(channel: ssh2.ClientChannel, done: (result: ExecResult | undefined) => void): void {
  const out = { stdout: [] as Buffer[], stderr: [] as Buffer[], size: 0 };
  let code: number | undefined;
  const keep = (into: Buffer[]) => (chunk: Buffer) => {
    out.size += chunk.length;
    if (out.size <= outputLimit) into.push(chunk);
  };
  channel.on('data', keep(out.stdout));
  channel.stderr.on('data', keep(out.stderr));
  channel.on('exit', (status: number | null) => (code = status ?? 255));
  channel.on('close', () => {
    const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('utf8');
    done(code === undefined ? undefined : { code, stdout: text(out.stdout), stderr: text(out.stderr) });
  });
}
