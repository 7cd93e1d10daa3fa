import type { QemuSite } from './site.ts';

/** The address that a number has on a network; undefined when the site offers no such network. */
export function addressAt(
  { networks, vmids }: Pick<QemuSite, 'networks' | 'vmids'>,
  network: string,
  vmid: number,
): string | undefined {
  const first = networks[network]?.first;
  if (first === undefined) return undefined;
  const value = valueOf(first) + (vmid - vmids.first);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The networks that a server is on: those that are named, else the first that the site offers. */
export function networksOf({ networks }: Pick<QemuSite, 'networks'>, named: readonly string[]): readonly string[] {
  return named.length > 0 ? named : Object.keys(networks).slice(0, 1);
}

/** The number that an address of one of the networks belongs to; undefined for an address that is no server's. */
export function numberAt(
  { networks, vmids }: Pick<QemuSite, 'networks' | 'vmids'>,
  address: string,
): number | undefined {
  for (const { first } of Object.values(networks)) {
    const vmid = vmids.first + valueOf(address) - valueOf(first);
    if (vmid >= vmids.first && vmid <= vmids.last) return vmid;
  }
  return undefined;
}

const valueOf = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
