import type { EnsureServer } from '@truffle/api/agent/v1/command';
import type { KeepSite } from '../keep/keeper.ts';
import type { Seen } from '../keep/keeping.ts';
import { PveTaskError } from './error.ts';
import { locate } from './locate.ts';
import { hasTag, isOurs } from './mark.ts';
import type { PveSite } from './site.ts';
import { waitForTask } from './task.ts';

/** A tag by which people keep the agent's hands off a VM while no control plane is there. */
export const holdTag = 'truffle-hold';
/** How long a VM is asked before it is reset, at most. */
const rebootMs = 60_000;

/** Keeps VMs running that are to run. Never makes one, never unlocks one, never touches one that is not this server. */
export function keepVms(site: PveSite): KeepSite {
  return {
    look: (server, signal) => look(site, server, signal),
    start: async (server, signal) => {
      const vm = await locate(site, server.vmid, server.node, signal);
      if (vm.state !== 'here') throw new Error(`VM ${server.vmid} is not there any more`);
      const task = await site.api.power(vm.node, server.vmid, 'start', {}, signal);
      await waitForTask(site.api.client, task, signal);
    },
  };
}

async function look(site: PveSite, server: EnsureServer, signal: AbortSignal): Promise<Seen> {
  const vm = await locate(site, server.vmid, server.node, signal);
  if (vm.state !== 'here') return { state: 'hands off', why: `VM ${server.vmid} is ${vm.state}` };
  const { options } = vm.config;
  if (!isOurs(options, server)) return { state: 'hands off', why: `VM ${server.vmid} is not this server` };
  const { running, lock } = await site.api.status(vm.node, server.vmid, signal);
  const locked = lock === '' ? (options['lock'] ?? '') : lock;
  const hold =
    locked !== ''
      ? `VM ${server.vmid} is locked: ${locked}`
      : hasTag(options['tags'] ?? '', holdTag)
        ? `VM ${server.vmid} carries the tag ${holdTag}`
        : '';
  if (running) return hold === '' ? { state: 'running' } : { state: 'running', hold };
  return hold === '' ? { state: 'stopped' } : { state: 'hands off', why: hold };
}

/** Restarts a VM that runs: asks it first, then resets it. Neither is a matter of high availability, which would take a stop for a wish. */
export async function rebootVm(site: PveSite, server: EnsureServer, signal: AbortSignal): Promise<void> {
  const vm = await locate(site, server.vmid, server.node, signal);
  if (vm.state !== 'here') throw new Error(`VM ${server.vmid} is not there any more`);
  try {
    const timeout = Math.ceil(Math.min(rebootMs, site.waits.shutdownMs) / 1000);
    const task = await site.api.power(vm.node, server.vmid, 'reboot', { timeout }, signal);
    await waitForTask(site.api.client, task, signal);
  } catch (error) {
    if (!(error instanceof PveTaskError)) throw error;
    const task = await site.api.power(vm.node, server.vmid, 'reset', {}, signal);
    await waitForTask(site.api.client, task, signal);
  }
}
