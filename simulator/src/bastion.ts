import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import type { Cluster } from './cluster/cluster.ts';
import { connectGuest } from './guest/reach.ts';
import { makeSshKey } from './ssh-key.ts';
import type { StateFolder } from './state.ts';

export interface Bastion {
  info: { host: string; port: number; user: string; keyFile: string; hostKeyFingerprint: string };
  close(): Promise<void>;
}

const LOGIN = 'truffle';

/** The site's way in: an SSH server that opens channels to guest addresses and does nothing else. */
export async function startBastion(cluster: Cluster, folder: StateFolder): Promise<Bastion> {
  const hostKey = loadKey(folder, 'bastion_host_key');
  const clientKey = loadKey(folder, 'bastion_client_key');
  const allowed = publicPart(clientKey);
  const sockets = new Set<Socket>();
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on('error', () => client.end());
    client.on('authentication', (attempt) => {
      if (attempt.method !== 'publickey' || attempt.username !== LOGIN || !attempt.key.data.equals(allowed))
        return attempt.reject(['publickey']);
      if (attempt.signature === undefined) return attempt.accept();
      const key = ssh2.utils.parseKey(clientKey);
      // The library answers an error, not false, for a signature it cannot read.
      const verified: unknown =
        key instanceof Error ? key : key.verify(attempt.blob ?? Buffer.alloc(0), attempt.signature, attempt.hashAlgo);
      if (verified !== true) return attempt.reject();
      attempt.accept();
    });
    client.on('ready', () => {
      client.on('tcpip', (accept, reject, info) => connectGuest(cluster, info.destIP, info.destPort, accept, reject));
      client.on('session', (_accept, reject) => reject());
    });
  });
  // Its own listener, because the library's would delay small packets.
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    server.injectSocket(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    info: {
      host: '127.0.0.1',
      port: (listener.address() as AddressInfo).port,
      user: LOGIN,
      keyFile: folder.path('bastion_client_key'),
      hostKeyFingerprint: `SHA256:${createHash('sha256').update(publicPart(hostKey)).digest('base64').replace(/=+$/, '')}`,
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

function loadKey(folder: StateFolder, name: string): string {
  const saved = folder.read(name);
  if (saved !== undefined) return saved;
  const made = makeSshKey();
  folder.write(name, made.private);
  folder.write(`${name}.pub`, made.public);
  return made.private;
}

function publicPart(privateKey: string): Buffer {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return key.getPublicSSH();
}
