import type { Socket } from 'node:net';
import ssh2, { type ServerChannel, type Session } from 'ssh2';
import type { Cluster } from '../cluster/cluster.ts';
import type { Guest } from './guest.ts';
import { runScript } from './shell/run.ts';
import { interact } from './terminal.ts';

const STDIN_LIMIT = 64 * 1024 * 1024;

/** Plays the guest's sshd inside one channel of the bastion. */
export function serveSsh(cluster: Cluster, guest: Guest, channel: ServerChannel): void {
  const server = new ssh2.Server({ hostKeys: [guest.hostKey] }, (client) => {
    client.on('error', () => client.end());
    client.on('authentication', (attempt) => {
      if (attempt.method !== 'publickey') return attempt.reject(['publickey']);
      const known = guest.keys.some((line) => matches(line, attempt));
      if (!known || (attempt.username !== guest.login && attempt.username !== 'root'))
        return attempt.reject(['publickey']);
      attempt.accept();
    });
    let user = guest.login;
    client.on('authentication', (attempt) => {
      user = attempt.username;
    });
    client.on('session', (accept) => openSession(guest, user, accept()));
    client.on('tcpip', (_accept, reject) => reject());
    const down = cluster.guests.watchDown(guest.vmid, () => client.end());
    client.on('close', down);
  });
  channel.on('error', () => channel.close());
  // The library only asks for a stream that reads and writes; its types ask for a whole socket.
  server.injectSocket(channel as unknown as Socket);
}

/** Whether an authorised line is the key offered, and (once it is signed) the signature is that key's. */
function matches(
  line: string,
  attempt: { key: { data: Buffer }; blob?: Buffer; signature?: Buffer; hashAlgo?: string },
): boolean {
  const key = ssh2.utils.parseKey(line);
  if (key instanceof Error || !key.getPublicSSH().equals(attempt.key.data)) return false;
  if (attempt.signature === undefined || attempt.blob === undefined) return true;
  // The library answers an error, not false, for a signature it cannot read.
  const verified: unknown = key.verify(attempt.blob, attempt.signature, attempt.hashAlgo);
  return verified === true;
}

function openSession(guest: Guest, user: string, session: Session): void {
  session.on('env', (accept) => accept?.());
  session.on('pty', (accept) => accept());
  session.on('shell', (accept) => interact(guest, user, accept()));
  session.on('exec', (accept, _reject, info) => execute(guest, user, info.command, accept()));
}

/** Runs a command at once; what it reads it waits for. */
function execute(guest: Guest, user: string, command: string, stream: ServerChannel): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const ended = new Promise<Buffer>((resolve) => {
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('close', () => resolve(Buffer.concat(chunks)));
  });
  stream.on('error', () => stream.close());
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= STDIN_LIMIT) chunks.push(chunk);
  });
  const streams = {
    user,
    stdin: () => ended,
    stdout: (chunk: Buffer) => stream.write(chunk),
    stderr: (chunk: Buffer) => stream.stderr.write(chunk),
  };
  void runScript(guest, command, streams).then((code) => {
    if (!stream.writable) return;
    stream.exit(code);
    stream.end();
  });
}
