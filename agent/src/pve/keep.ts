import type { EnsureServer } from '@truffle/api/agent/v1/command';
import type { KeepSite } from '../keep/keeper.ts';
import type { Seen } from '../keep/keeping.ts';
import { locate } from './locate.ts';
import { hasTag, isOurs } from './mark.ts';
import type { PveSite } from './site.ts';
import { waitForTask } from './task.ts';

/** A tag by which people keep the agent's hands off a VM while no control plane is there. */
export const holdTag = 'truffle-hold';

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
  if (running) return { state: 'running' };
  const locked = lock === '' ? (options['lock'] ?? '') : lock;
  if (locked !== '') return { state: 'hands off', why: `VM ${server.vmid} is locked: ${locked}` };
  if (hasTag(options['tags'] ?? '', holdTag))
    return { state: 'hands off', why: `VM ${server.vmid} carries the tag ${holdTag}` };
  return { state: 'stopped' };
}
