import { AddressSource } from '@truffle/api/agent/v1/command';
import type { CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import type { GuestCard } from './api.ts';
import { PveError } from './error.ts';
import { type Addressed, addressWithoutAgent, cloudInitAddress } from './fallback.ts';
import { faultOf } from './fault.ts';
import { locate } from './locate.ts';
import { pause } from './pause.ts';
import type { PveSite } from './site.ts';

/** How long one question to a guest agent may take, in milliseconds. */
const agentMs = 6_000;
/** How long a guest agent may be silent before others are asked, in milliseconds: most guests have booted by then. */
const quietMs = 30_000;

const installAgent = 'Install it in the image (apt-get install qemu-guest-agent).';

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

/** The card that an address is wanted of. */
interface AddressedVm {
  readonly node: string;
  readonly vmid: number;
  /** Lower case. */
  readonly mac: string;
  readonly network: string | undefined;
  readonly options: Readonly<Record<string, string>>;
}

/**
 * The VM's address on its first card: the one that the site fixed, else what the guest agent tells of the card with that MAC (a guest also
 * lists bridges and taps of its own); and when no guest agent has answered for a while, what others know of the card.
 * @throws DecodedFailure when the wait is over
 */
export async function awaitAddress(site: PveSite, run: CommandRun, vm: AddressedVm): Promise<Addressed> {
  const fixed = vm.network === undefined ? undefined : addressAt(site, vm.network, vm.vmid);
  if (fixed !== undefined) return { address: fixed, source: AddressSource.SITE };
  run.progress('address', 'waiting for the guest agent to tell the address');
  const since = performance.now();
  const { addressMs } = site.waits;
  let heard = false;
  for (let wait = 100; ; wait = Math.min(2_000, wait * 1.4)) {
    const left = addressMs - (performance.now() - since);
    const deadlineMs = Math.ceil(Math.max(100, Math.min(agentMs, left)));
    const answer = await askAgent(site, run, vm, deadlineMs);
    heard ||= answer.heard;
    if (answer.address !== undefined) return { address: answer.address, source: AddressSource.GUEST_AGENT };
    const waited = performance.now() - since;
    if (!heard && waited > Math.min(quietMs, addressMs)) {
      const { found, asked } = await addressWithoutAgent(site, run, vm);
      if (found !== undefined) return withoutAgent(run, vm.vmid, found);
      if (waited > addressMs) throw agentAbsent(vm.vmid, addressMs, asked);
    }
    if (waited > addressMs) throw noAddress(vm.vmid, vm.mac, addressMs);
    await pause(wait, run.signal);
  }
}

async function askAgent(
  site: PveSite,
  run: CommandRun,
  vm: AddressedVm,
  deadlineMs: number,
): Promise<{ readonly heard: boolean; readonly address: string | undefined }> {
  try {
    const ask = () => site.api.guestCards(vm.node, vm.vmid, deadlineMs, run.signal);
    return { heard: true, address: addressOf(await site.perAgentNode.with(vm.node, run.signal, ask), vm.mac) };
  } catch (error) {
    run.signal.throwIfAborted();
    rethrowFatal(error, vm.vmid);
    return { heard: false, address: undefined };
  }
}

const sourceNames: Readonly<Record<AddressSource, string>> = {
  [AddressSource.UNSPECIFIED]: '',
  [AddressSource.SITE]: 'the site config',
  [AddressSource.GUEST_AGENT]: 'the guest agent',
  [AddressSource.CLOUD_INIT]: 'its cloud-init configuration',
  [AddressSource.LEASE]: 'the lease in the IPAM of Proxmox VE',
  [AddressSource.NEIGHBOUR]: 'the neighbour table of the agent’s host',
};

function withoutAgent(run: CommandRun, vmid: number, found: Addressed): Addressed {
  const from = `${found.address}, by ${sourceNames[found.source]}`;
  run.progress('address', `the guest agent does not answer; the address is ${from}`);
  run.log('agent', `VM ${vmid} has no guest agent that answers: its address is ${from}. ${installAgent}`);
  return found;
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
    if (!(error instanceof PveError)) throw error;
    return cloudInitAddress(found.config.options['ipconfig0'] ?? '') === address;
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

function agentAbsent(vmid: number, ms: number, asked: readonly string[]): DecodedFailure {
  const seconds = String(Math.round(ms / 1000));
  return new DecodedFailure({
    reason: 'GUEST_AGENT_ABSENT',
    message: `The guest agent of VM ${vmid} did not answer in ${seconds} s, and nobody else knows its address: ${asked.join('; ')}`,
    cause: 'qemu-guest-agent is not installed or not started in the image, or the guest did not boot.',
    remedy:
      'Install it in the image (apt-get install qemu-guest-agent), fix the addresses with networks.<name>.static in the site config, or grant SDN.Audit on a virtual network whose IPAM gives the leases.',
    retryable: true,
    parameters: { vmid: String(vmid), seconds },
  });
}

function noAddress(vmid: number, mac: string, ms: number): DecodedFailure {
  const seconds = String(Math.round(ms / 1000));
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
