import type { EnsureServer } from '@truffle/api/agent/v1/command';
import { awaitBanner, findProcess, lastOutput, placesOf, QemuError, reachCard, withGuestAgent } from '@truffle/qemu';
import type { CommandRun } from '../command/effect.ts';
import { DecodedFailure, type FailureFacts } from '../command/failure.ts';
import { pause } from '../pve/pause.ts';
import type { Here } from './locate.ts';
import type { QemuSite } from './site.ts';

const tailLines = 40;
const agentMs = 10_000;
/** How often the console is read while a guest boots. */
const readMs = 1_000;

/**
 * Waits until the guest's SSH server greets. What the guest prints meanwhile is kept, as it is gone with the process.
 * @throws DecodedFailure that says how far the guest came and what it printed last, or the run's signal's reason
 */
export async function awaitBoot(site: QemuSite, run: CommandRun, vm: Here, spec: EnsureServer): Promise<void> {
  run.progress('ssh', `waiting for the SSH server of ${spec.name}`);
  const deadline = AbortSignal.timeout(site.waits.sshMs);
  const over = new AbortController();
  const tail: string[] = [];
  const reading = readConsole(vm.folder, tail, AbortSignal.any([run.signal, over.signal]));
  try {
    const greeted = await awaitBanner(vm.folder, AbortSignal.any([run.signal, deadline]));
    if (greeted) return;
    throw ended(vm.vmid, tail);
  } catch (error) {
    run.signal.throwIfAborted();
    if (!deadline.aborted || error instanceof DecodedFailure) throw error;
    tail.push(...(await lastOutput(vm.folder, tailLines)));
    throw await silent(site, vm, tail.slice(-tailLines));
  } finally {
    over.abort();
    await reading;
  }
}

async function readConsole(folder: string, tail: string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // The first second prints nothing that a later look would not show.
    await pause(readMs, signal).catch(() => undefined);
    if (signal.aborted || findProcess(folder) === undefined) return;
    tail.push(...(await lastOutput(folder, tailLines)));
    tail.splice(0, Math.max(0, tail.length - tailLines));
  }
}

function ended(vmid: number, tail: readonly string[]): DecodedFailure {
  return new DecodedFailure({
    reason: 'QEMU_GUEST_ENDED',
    message: `Machine ${vmid} ended while it booted`,
    cause: tail.at(-1) ?? 'It printed nothing: its guest shut down, or its process was ended from outside.',
    remedy: 'Look at what it printed last; another image, or more memory, may be what it wants.',
    logTail: tail,
    retryable: true,
    parameters: { vmid: String(vmid) },
  });
}

/** How far a guest came that does not greet: its guest agent answers or not, and says which addresses it has. */
async function silent(site: QemuSite, { vmid, folder }: Here, tail: readonly string[]): Promise<DecodedFailure> {
  const seconds = Math.round(site.waits.sshMs / 1_000);
  const facts = { logTail: tail, retryable: true, parameters: { vmid: String(vmid) } };
  let cards;
  try {
    cards = await withGuestAgent(placesOf(folder).agent, (agent) => agent.cards(), agentMs);
  } catch (error) {
    if (!(error instanceof QemuError)) throw error;
    return new DecodedFailure({ ...facts, ...neverBooted(vmid, seconds, tail) });
  }
  const wanted = reachCard.address.split('/')[0];
  const reached = cards.some((card) => card.addresses.some(({ address }) => address === wanted));
  if (!reached) return new DecodedFailure({ ...facts, ...withoutNetwork(vmid, seconds) });
  return new DecodedFailure({
    ...facts,
    reason: 'SSH_UNREACHABLE',
    message: `Nothing answers SSH on machine ${vmid} after ${seconds} s`,
    cause: 'The guest runs and has its address; it starts no SSH server.',
    remedy: 'Look at what it printed last, and check that the image starts sshd.',
  });
}

function neverBooted(vmid: number, seconds: number, tail: readonly string[]): FailureFacts {
  return {
    reason: 'QEMU_GUEST_NOT_BOOTED',
    message: `Machine ${vmid} has not booted after ${seconds} s`,
    cause: tail.at(-1) ?? 'It printed nothing: its disk may hold no system, or this machine is too busy to run it.',
    remedy: 'Look at what it printed last. A slow machine needs a longer waits.sshSeconds in the site config.',
  };
}

function withoutNetwork(vmid: number, seconds: number): FailureFacts {
  return {
    reason: 'QEMU_GUEST_NO_NETWORK',
    message: `Machine ${vmid} runs and has no network after ${seconds} s`,
    cause: 'Its guest agent answers, and no card has the address that its seed gives: the image reads no NoCloud seed.',
    remedy: 'Install cloud-init (NoCloud) in the image, and see that nothing else sets up its cards.',
  };
}
