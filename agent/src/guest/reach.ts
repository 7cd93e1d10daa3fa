import { createHash, timingSafeEqual } from 'node:crypto';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type ssh2 from 'ssh2';

/** A way to the guests' network. */
export interface Reach {
  /** Opens a stream to a guest's port. @throws GuestUnreachable, or the signal's reason */
  dial(address: string, port: number, signal: AbortSignal): Promise<Duplex>;
  close(): void;
}

/** An SSH server between the agent and the guests. */
export interface Bastion {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key in OpenSSH's or PEM form. */
  readonly privateKey: string;
  /** `SHA256:…` as `ssh-keygen -l` prints it. */
  readonly hostKeySha256: string;
}

/** Nothing answered at an address. */
export class GuestUnreachable extends Error {
  override readonly name = 'GuestUnreachable';
  readonly code = 'GUEST_UNREACHABLE';
}

const connectMs = 10_000;

/** `SHA256:…` of a public key in SSH's wire form. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** Guests are dialled as they are. */
export function directReach(): Reach {
  return {
    dial: (address, port, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const socket = connect({ host: address, port, noDelay: true });
        const deadline = setTimeout(
          () => socket.destroy(new GuestUnreachable(`${address}:${port} does not answer`)),
          connectMs,
        );
        const stop = (): void => void socket.destroy(signal.reason as Error);
        signal.addEventListener('abort', stop, { once: true });
        const settled = (): void => {
          clearTimeout(deadline);
          signal.removeEventListener('abort', stop);
        };
        socket.once('connect', () => {
          settled();
          socket.removeAllListeners('error');
          resolve(socket);
        });
        socket.once('error', (cause) => {
          settled();
          reject(
            signal.aborted
              ? (signal.reason as Error)
              : new GuestUnreachable(`${address}:${port} can't be reached`, { cause }),
          );
        });
      }),
    close: () => undefined,
  };
}

/** Guests are dialled through channels of one shared SSH connection, which is made when needed and made again when it ended. */
export function bastionReach(bastion: Bastion): Reach {
  let shared: Promise<ssh2.Client> | undefined;
  const client = (): Promise<ssh2.Client> => {
    if (shared !== undefined) return shared;
    const opening = openBastion(bastion, () => {
      if (shared === opening) shared = undefined;
    });
    shared = opening;
    opening.catch(() => (shared = undefined));
    return opening;
  };
  return {
    dial: async (address, port, signal) => {
      signal.throwIfAborted();
      return openChannel(await client(), address, port, signal);
    },
    close: () => {
      shared?.then(
        (each) => each.end(),
        () => undefined,
      );
      shared = undefined;
    },
  };
}

async function openBastion(bastion: Bastion, ended: () => void): Promise<ssh2.Client> {
  // Loaded when first needed: an agent at rest holds no SSH.
  const { Client } = (await import('ssh2')).default;
  return new Promise((resolve, reject) => {
    const client = new Client();
    // One listener for each guest that is being dialled.
    client.setMaxListeners(0);
    const where = `the bastion ${bastion.host}:${bastion.port}`;
    // Small packets of many channels: waiting to fill them costs 40 ms for each round trip.
    client.once('connect', () => client.setNoDelay(true));
    client.once('ready', () => resolve(client));
    client.on('error', (cause) => reject(new GuestUnreachable(`${where} can't be used: ${cause.message}`, { cause })));
    client.once('close', () => {
      ended();
      reject(new GuestUnreachable(`${where} closed the connection`));
    });
    client.connect({
      host: bastion.host,
      port: bastion.port,
      username: bastion.user,
      privateKey: bastion.privateKey,
      readyTimeout: connectMs,
      keepaliveInterval: 15_000,
      keepaliveCountMax: 3,
      hostVerifier: (key: Buffer) => sameText(fingerprint(key), bastion.hostKeySha256),
    });
  });
}

/** Opens a stream from the far end of an SSH connection to an address. @throws GuestUnreachable, or the signal's reason */
export function openChannel(client: ssh2.Client, address: string, port: number, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const where = `${address}:${port}`;
    let over = false;
    const settle = (act: () => void): void => {
      over = true;
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      client.removeListener('close', lost);
      act();
    };
    const fail = (problem: string, cause?: unknown): void =>
      settle(() => reject(new GuestUnreachable(`${where} ${problem}`, { cause })));
    const stop = (): void => settle(() => reject(signal.reason as Error));
    const lost = (): void => fail('was lost with the connection that leads there');
    const late = setTimeout(() => fail('does not answer'), connectMs);
    signal.addEventListener('abort', stop, { once: true });
    client.once('close', lost);
    try {
      client.forwardOut('127.0.0.1', 0, address, port, (cause, channel) => {
        if (cause !== undefined) return over ? undefined : fail("can't be reached", cause);
        // Too late for whoever asked: they gave up above.
        if (over) channel.destroy();
        else settle(() => resolve(channel));
      });
    } catch (cause) {
      // It throws at once when the connection has just ended.
      fail("can't be reached", cause);
    }
  });
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other.trim())];
  return a.length === b.length && timingSafeEqual(a, b);
}
