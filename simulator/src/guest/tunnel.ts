import ssh2, { type AcceptConnection, type RejectConnection, type ServerChannel } from 'ssh2';
import type { Duplex } from 'node:stream';
import type { Machines } from './machines.ts';

/** A guest's port, and who the site enters it as. */
export interface Place {
  readonly vmid: number;
  readonly user: string;
  readonly address: string;
  readonly port: number;
}

const handshakeMs = 20_000;

/** Opens a channel to a real guest's port: to its SSH server as it is, to any other through a connection of the site's own to it. */
export function connectMachine(
  machines: Machines,
  place: Place,
  accept: AcceptConnection<ServerChannel>,
  reject: RejectConnection,
): void {
  const join = (stream: Duplex): void => {
    const channel = accept();
    channel.on('error', () => stream.destroy());
    stream.on('error', () => channel.close());
    channel.pipe(stream).pipe(channel);
  };
  if (place.port === 22) {
    const socket = machines.dialSsh(place.vmid);
    if (socket === undefined) return reject();
    socket.once('error', () => reject());
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      join(socket);
    });
    return;
  }
  tunnel(machines, place).then(join, () => reject());
}

const shared = new WeakMap<Machines, Map<number, Promise<ssh2.Client>>>();

async function tunnel(machines: Machines, place: Place): Promise<Duplex> {
  const all = shared.get(machines) ?? new Map<number, Promise<ssh2.Client>>();
  shared.set(machines, all);
  const client = all.get(place.vmid) ?? enter(machines, place, () => all.delete(place.vmid));
  all.set(place.vmid, client);
  const entered = await client;
  return new Promise((resolve, reject) =>
    entered.forwardOut('127.0.0.1', 0, place.address, place.port, (error, channel) =>
      error === undefined ? resolve(channel) : reject(error),
    ),
  );
}

function enter(machines: Machines, { vmid, user }: Place, ended: () => void): Promise<ssh2.Client> {
  const entering = new Promise<ssh2.Client>((resolve, reject) => {
    const sock = machines.dialSsh(vmid);
    if (sock === undefined) return reject(new Error('the guest does not run'));
    const client = new ssh2.Client();
    client.once('ready', () => resolve(client));
    client.on('error', (error) => reject(error));
    client.once('close', () => {
      ended();
      reject(new Error('the guest closed the connection'));
    });
    client.connect({ sock, username: user, privateKey: machines.privateKey, readyTimeout: handshakeMs });
  });
  entering.catch(ended);
  return entering;
}
