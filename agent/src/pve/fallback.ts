import { isIP } from 'node:net';
import { AddressSource } from '@truffle/api/agent/v1/command';
import type { CommandRun } from '../command/effect.ts';
import { PveError } from './error.ts';
import type { PveSite } from './site.ts';

/** A server's address, and who said it. */
export interface Addressed {
  readonly address: string;
  readonly source: AddressSource;
}

/** What the sources beside the guest agent say of a card. */
export interface Fallback {
  readonly found: Addressed | undefined;
  /** What each source that was asked had to say, for people. */
  readonly asked: readonly string[];
}

/**
 * The address of a VM's first card where no guest agent tells it: the static one of its cloud-init configuration, else the lease of the
 * cluster's own IPAM for the card's MAC, else the neighbour of the agent's host with that MAC.
 * @throws the run's signal's reason
 */
export async function addressWithoutAgent(
  site: PveSite,
  run: CommandRun,
  vm: { readonly mac: string; readonly options: Readonly<Record<string, string>> },
): Promise<Fallback> {
  const asked: string[] = [];
  const fixed = cloudInitAddress(vm.options['ipconfig0'] ?? '');
  if (fixed !== undefined) return { found: { address: fixed, source: AddressSource.CLOUD_INIT }, asked };
  asked.push(`its cloud-init configuration fixes none (ipconfig0: ${vm.options['ipconfig0'] ?? 'none'})`);
  const lease = await leaseOf(site, run, vm.mac);
  if (lease.address !== undefined) return { found: { address: lease.address, source: AddressSource.LEASE }, asked };
  asked.push(lease.said);
  const neighbour = neighbourOf(await site.neighbours(), vm.mac);
  if (neighbour !== undefined) return { found: { address: neighbour, source: AddressSource.NEIGHBOUR }, asked };
  return { found: undefined, asked: [...asked, `the agent's host has no neighbour ${vm.mac}`] };
}

/** The static IPv4 address, else the IPv6 one, of an `ipconfig` option; undefined for one that the guest finds by itself. */
export function cloudInitAddress(ipconfig: string): string | undefined {
  const parts = new Map(ipconfig.split(',').map((part) => part.split('=', 2) as [string, string | undefined]));
  return ['ip', 'ip6'].map((key) => parts.get(key)?.split('/')[0] ?? '').find((address) => isIP(address) !== 0);
}

/** The address of the neighbour with that MAC that answered, in Linux's `/proc/net/arp`. */
export function neighbourOf(table: string, mac: string): string | undefined {
  const complete = 0x2;
  for (const line of table.split('\n').slice(1)) {
    const [address = '', , flags = '', hardware = ''] = line.trim().split(/\s+/);
    if (hardware.toLowerCase() === mac && (Number(flags) & complete) !== 0 && isIP(address) !== 0) return address;
  }
  return undefined;
}

async function leaseOf(
  site: PveSite,
  run: CommandRun,
  mac: string,
): Promise<{ readonly address: string | undefined; readonly said: string }> {
  try {
    const leases = (await site.api.leases(run.signal)).filter((each) => each.mac === mac && isIP(each.address) !== 0);
    const lease = leases.find((each) => !each.address.includes(':')) ?? leases[0];
    return { address: lease?.address, said: `the IPAM of Proxmox VE shows the token no lease of ${mac}` };
  } catch (error) {
    if (!(error instanceof PveError)) throw error;
    return { address: undefined, said: `the IPAM of Proxmox VE can't be read (${error.reason})` };
  }
}
