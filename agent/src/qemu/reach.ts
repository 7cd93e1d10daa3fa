import type { Duplex } from 'node:stream';
import { findProcess } from '@truffle/qemu';
import { connectGuest, type GuestAccess, type GuestConnection } from '../guest/connection.ts';
import { directReach, GuestUnreachable, type Reach } from '../guest/reach.ts';
import { readMark } from '../pve/mark.ts';
import { numberAt } from './address.ts';
import { locate } from './locate.ts';
import type { QemuSite } from './site.ts';

/**
 * The way to guests, whose networks only guests are on: SSH goes by each machine's forwarded port, every other port through a connection of SSH
 * to the guest itself, which is shared and made again when it ended.
 */
export function reachGuests(
  site: Pick<QemuSite, 'folder' | 'networks' | 'vmids'>,
  entry: Omit<GuestAccess, 'reach'>,
): Reach {
  const loopback = directReach();
  const shared = new Map<number, Promise<GuestConnection>>();
  const ssh: Reach = {
    dial: async (address, port, signal) => {
      const { sshPort } = machineAt(site, address);
      if (port !== 22) throw new GuestUnreachable(`${address}:${port} can't be reached but through SSH`);
      return loopback.dial('127.0.0.1', sshPort, signal);
    },
    close: () => undefined,
  };
  const tunnel = (vmid: number, serverId: string, address: string, signal: AbortSignal): Promise<GuestConnection> => {
    const known = shared.get(vmid);
    if (known !== undefined) return known;
    const forget = (): void => {
      if (shared.get(vmid) === opening) shared.delete(vmid);
    };
    const opening = connectGuest({ ...entry, reach: ssh }, serverId, address, signal).then((connection) => {
      connection.onClose(forget);
      return connection;
    });
    shared.set(vmid, opening);
    opening.catch(forget);
    return opening;
  };
  return {
    dial: async (address, port, signal): Promise<Duplex> => {
      if (port === 22) return ssh.dial(address, port, signal);
      const { vmid, serverId } = machineAt(site, address);
      return (await tunnel(vmid, serverId, address, signal)).channel(address, port, signal);
    },
    close: () => {
      for (const opening of shared.values())
        opening.then(
          (connection) => connection.close(),
          () => undefined,
        );
      shared.clear();
    },
  };
}

/** The running machine that has the address. @throws GuestUnreachable */
function machineAt(site: Pick<QemuSite, 'folder' | 'networks' | 'vmids'>, address: string) {
  const vmid = numberAt(site, address);
  const vm = vmid === undefined ? undefined : locate(site, vmid);
  if (vm === undefined) throw new GuestUnreachable(`${address} is no server's address at this site`);
  const running = findProcess(vm.folder);
  if (running === undefined) throw new GuestUnreachable(`the machine of ${address} does not run`);
  const serverId = readMark(vm.record.labels['description'] ?? '')?.serverId ?? '';
  return { vmid: vm.vmid, serverId, sshPort: running.sshPort };
}
