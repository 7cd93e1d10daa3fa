import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, type EnsureServer, Outcome } from '@truffle/api/agent/v1/command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { awaitAddress, requireUnique } from './address.ts';
import { choose } from './choice.ts';
import { ensureCloned } from './clone.ts';
import { configure, grow, macAt } from './configure.ts';
import { ensureManaged } from './ha.ts';
import { recordHostKey } from './host-key.ts';
import { start } from './power.ts';
import { attachSeed } from './seed.ts';
import { checkOffered } from './server.ts';
import type { PveSite } from './site.ts';

/**
 * Makes one server be as specified, up and addressed: clone, configure, seed, grow, start, high availability, address, SSH. Each step looks first and acts only on
 * what differs, so that it can run again from the start at any time.
 * @throws PveError, PveTaskError, DecodedFailure, or the run's signal's reason
 */
export async function ensureServer(site: PveSite, run: CommandRun, spec: EnsureServer): Promise<CommandEnd> {
  checkOffered(site, spec);
  const choice = choose(site, spec);
  const vm = await ensureCloned(site, run, spec, choice);
  let config = await configure(site, run, spec, choice, vm);
  if (choice.cloudInit === 'no-cloud')
    config = await attachSeed(site, run, spec, { node: vm.node, vmid: spec.vmid, config });
  await grow(site, run, spec, vm.node, config);
  await start(site, run, vm.node, spec.vmid);
  if (spec.highAvailability) await ensureManaged(site, run, spec.vmid);
  const mac = macAt(config, 0);
  const network = spec.networks[0];
  // An image made by the agent tells the guest all of its network; the configuration's own options are not heeded then.
  const options = choice.cloudInit === 'no-cloud' ? {} : config.options;
  const told = await awaitAddress(site, run, { node: vm.node, vmid: spec.vmid, mac, network, options });
  const { address } = told;
  await requireUnique(site, run, vm.node, spec.vmid, mac, address);
  run.progress('ssh', `waiting for SSH on ${address}`);
  await awaitSsh(site, run, address);
  await recordHostKey(site, run, { node: vm.node, vmid: spec.vmid, serverId: spec.serverId });
  run.progress('ready', `${spec.name} is up at ${address}`);
  return {
    outcome: Outcome.SUCCEEDED,
    effect: Effect.FULL,
    output: create(CommandOutputSchema, {
      output: {
        case: 'server',
        value: { node: vm.node, vmid: spec.vmid, address, mac, addressSource: told.source },
      },
    }),
  };
}

async function awaitSsh(site: PveSite, run: CommandRun, address: string): Promise<void> {
  const deadline = AbortSignal.timeout(site.waits.sshMs);
  try {
    await site.awaitSsh(address, AbortSignal.any([run.signal, deadline]));
  } catch (error) {
    run.signal.throwIfAborted();
    if (!deadline.aborted) throw error;
    throw new DecodedFailure({
      reason: 'SSH_UNREACHABLE',
      message: `Nothing answers SSH at ${address} after ${Math.round(site.waits.sshMs / 1000)} s`,
      cause: 'The guest has no SSH server, a firewall is in between, or the bastion can’t reach the network.',
      remedy: 'Check that the image starts sshd and that the agent (or its bastion) reaches port 22 of the guests.',
      retryable: true,
      parameters: { address },
    });
  }
}
