import type { VmConfig } from './api.ts';
import { PveError } from './error.ts';
import type { PveSite } from './site.ts';

/** Where a VM is, if it is. `hidden`: some guest has the number and the token may not see it. */
export type Located =
  | { readonly state: 'absent' }
  | { readonly state: 'hidden' }
  | { readonly state: 'here'; readonly node: string; readonly config: VmConfig };

/**
 * Finds a VM by its number, on whatever node it is by now. The lists of guests leave out what the token may not see (a clone in progress
 * is in no pool yet), so absence is proved by asking whether the number is free.
 * @param hint the node to try first
 */
export async function locate(
  site: PveSite,
  vmid: number,
  hint: string | undefined,
  signal: AbortSignal,
): Promise<Located> {
  const direct = hint === undefined ? undefined : await tryConfig(site, hint, vmid, signal);
  if (direct !== undefined) return direct;
  if (await site.api.isFree(vmid, signal)) return { state: 'absent' };
  const { guests, nodes } = await site.api.resources(signal);
  const listed = guests.find((guest) => guest.vmid === vmid)?.node;
  const others = nodes.filter((each) => each.online && each.node !== hint).map((each) => each.node);
  for (const node of listed === undefined ? others : [listed]) {
    const found = await tryConfig(site, node, vmid, signal);
    if (found !== undefined) return found;
  }
  return { state: 'hidden' };
}

/** Undefined when that node has no such VM, or none that the token may see, or is down. */
async function tryConfig(site: PveSite, node: string, vmid: number, signal: AbortSignal): Promise<Located | undefined> {
  try {
    return { state: 'here', node, config: await site.api.config(node, vmid, signal) };
  } catch (error) {
    if (error instanceof PveError && error.status !== 0 && error.status !== 401) return undefined;
    throw error;
  }
}
