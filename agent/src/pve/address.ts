import type { CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import type { GuestCard } from './api.ts';
import { PveError } from './error.ts';
import { faultOf } from './fault.ts';
import { locate } from './locate.ts';
import { pause } from './pause.ts';
import type { PveSite } from './site.ts';

/** How long one question to a guest agent may take, in milliseconds. */
const agentMs = 6_000;

/** The address that the site gives to a VMID on a network with static addresses; undefined on one with DHCP. */
export function addressAt(
  site: Pick<PveSite, 'networks' | 'vmids'>,
  network: string,
  vmid: number,
): string | undefined {
  const first = site.networks[network]?.static?.first;
  if (first === undefined) return undefined;
  const value = first.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + (vmid - site.vmids.first);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/**
 * The VM's address on its first card: the one that the site fixed, else what the guest agent tells of the card with that MAC
 * (a guest also lists bridges and taps of its own).
 * @throws DecodedFailure when the wait is over
 */
export async function awaitAddress(
  site: PveSite,
  run: CommandRun,
  vm: { node: string; vmid: number; mac: string; network: string | undefined },
): Promise<string> {
  const fixed = vm.network === undefined ? undefined : addressAt(site, vm.network, vm.vmid);
  if (fixed !== undefined) return fixed;
  run.progress('address', 'waiting for the guest agent to tell the address');
  const since = performance.now();
  let heard = false;
  for (let wait = 100; ; wait = Math.min(2_000, wait * 1.4)) {
    try {
      const left = site.waits.addressMs - (performance.now() - since);
      const deadlineMs = Math.ceil(Math.max(100, Math.min(agentMs, left)));
      const ask = () => site.api.guestCards(vm.node, vm.vmid, deadlineMs, run.signal);
      const address = addressOf(await site.perAgentNode.with(vm.node, run.signal, ask), vm.mac);
      heard = true;
      if (address !== undefined) return address;
    } catch (error) {
      run.signal.throwIfAborted();
      rethrowFatal(error, vm.vmid);
    }
    if (performance.now() - since > site.waits.addressMs) throw noAddress(vm.vmid, vm.mac, heard, site.waits.addressMs);
    await pause(wait, run.signal);
  }
}

/**
 * Refuses an address that another VM of ours answers to as well: clones whose image holds a machine-id are one machine to a DHCP server.
 * Knows the servers that this process has addressed.
 * @throws DecodedFailure
 */
export async function requireUnique(
  site: PveSite,
  run: CommandRun,
  node: string,
  vmid: number,
  mac: string,
  address: string,
): Promise<void> {
  const other = site.addresses.get(address);
  if (other === undefined || other === vmid || !(await stillHas(site, run, other, address))) {
    site.addresses.set(address, vmid);
    return;
  }
  throw new DecodedFailure({
    reason: 'GUEST_DUPLICATE_ADDRESS',
    message: `VM ${vmid} on ${node} (${mac}) and VM ${other} both have the address ${address}`,
    cause: 'The image holds a machine-id, so the DHCP server takes all its clones for one machine.',
    remedy:
      'Empty it in the image (truncate -s 0 /etc/machine-id, and remove /var/lib/dbus/machine-id), make it a template again, and make the servers again.',
    parameters: { address, vmid: String(vmid), other: String(other) },
  });
}

async function stillHas(site: PveSite, run: CommandRun, vmid: number, address: string): Promise<boolean> {
  const found = await locate(site, vmid, undefined, run.signal);
  if (found.state !== 'here') return false;
  try {
    const cards = await site.api.guestCards(found.node, vmid, agentMs, run.signal);
    return cards.some((card) => card.addresses.includes(address));
  } catch (error) {
    if (error instanceof PveError) return false;
    throw error;
  }
}

function addressOf(cards: readonly GuestCard[], mac: string): string | undefined {
  const own = cards.filter((card) => card.mac === mac).flatMap((card) => card.addresses);
  const usable = own.filter((address) => !/^(169\.254\.|127\.|fe80:|::1$)/i.test(address));
  return usable.find((address) => !address.includes(':')) ?? usable[0];
}

/** A guest that is still booting answers with errors; these are the ones that time does not mend. */
function rethrowFatal(error: unknown, vmid: number): void {
  if (!(error instanceof PveError)) throw error;
  if (error.status === 401) throw error;
  if (error.status === 403) {
    throw new DecodedFailure({
      reason: 'PVE_PERMISSION',
      message: `The API token may not ask the guest agent of VM ${vmid} (${error.reason})`,
      cause: 'VM.GuestAgent.Audit (VM.Monitor before version 9) is missing.',
      remedy: 'Grant it to the token on the pool, or fix the addresses with networks.<name>.static in the site config.',
    });
  }
  if (faultOf(error)?.code === 'PVE_NOT_RUNNING') {
    throw new DecodedFailure({
      reason: 'PVE_NOT_RUNNING',
      message: `VM ${vmid} stopped while it was booting`,
      cause: 'The guest crashed or shut itself down.',
      remedy: 'Look into its console, mend the image, and try again.',
      retryable: true,
    });
  }
}

function noAddress(vmid: number, mac: string, heard: boolean, ms: number): DecodedFailure {
  const seconds = String(Math.round(ms / 1000));
  if (!heard) {
    return new DecodedFailure({
      reason: 'GUEST_AGENT_ABSENT',
      message: `The guest agent of VM ${vmid} did not answer in ${seconds} s`,
      cause: 'qemu-guest-agent is not installed or not started in the image, or the guest did not boot.',
      remedy:
        'Install it in the image (apt-get install qemu-guest-agent), or fix the addresses with networks.<name>.static in the site config.',
      retryable: true,
      parameters: { vmid: String(vmid), seconds },
    });
  }
  return new DecodedFailure({
    reason: 'GUEST_NO_ADDRESS',
    message: `The card ${mac} of VM ${vmid} has no address after ${seconds} s`,
    cause: 'No DHCP server answers on the bridge, or cloud-init did not configure the card.',
    remedy:
      'Check the DHCP server and the bridge in the site config, or fix the addresses with networks.<name>.static.',
    retryable: true,
    parameters: { vmid: String(vmid), mac, seconds },
  });
}
