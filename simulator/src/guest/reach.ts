import type { AcceptConnection, RejectConnection, ServerChannel } from 'ssh2';
import type { Cluster } from '../cluster/cluster.ts';
import { speak } from './listener.ts';
import { connectMachine } from './tunnel.ts';
import { serveSsh } from './ssh.ts';

/** Opens a channel to a guest's port, or refuses it as a machine that is down or has nothing there. */
export function connectGuest(
  cluster: Cluster,
  address: string,
  port: number,
  accept: AcceptConnection<ServerChannel>,
  reject: RejectConnection,
): void {
  const guest = cluster.guests.at(address);
  const running = guest === undefined ? undefined : cluster.vms.get(guest.vmid)?.running;
  const up = running !== undefined && !running.paused && running.bootedAt <= cluster.clock.now();
  const { machines } = cluster.guests;
  if (guest !== undefined && running?.paused === false && machines !== undefined)
    return connectMachine(machines, { vmid: guest.vmid, user: guest.login, address, port }, accept, reject);
  if (guest === undefined || !up) return reject();
  if (port === 22) {
    if (cluster.faults.take('ssh-refused', { vmid: guest.vmid }) !== undefined) return reject();
    return serveSsh(cluster, guest, accept());
  }
  const listener = guest.services.listener(port);
  if (listener === undefined) return reject();
  speak(guest, listener, accept());
}
