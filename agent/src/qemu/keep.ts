import type { EnsureServer } from '@truffle/api/agent/v1/command';
import { askShutdown, findProcess, resetMachine, startMachine } from '@truffle/qemu';
import type { Seen } from '../keep/keeping.ts';
import { holdTag } from '../pve/keep.ts';
import { hasTag, isOurs } from '../pve/mark.ts';
import type { Driver } from '../site/driver.ts';
import { type Here, locate } from './locate.ts';
import { optionsOf } from './mark.ts';
import type { QemuSite } from './site.ts';

/** How long a guest is asked before its machine is reset, at most. */
const rebootMs = 60_000;

/** Keeps machines running that are to run. Never makes one, never touches one that is not this server. */
export function keepVms(site: QemuSite): Driver['keep'] {
  const begin = async (vm: Here, signal: AbortSignal): Promise<void> => {
    await startMachine(site.programs(), vm.folder, vm.record, { accel: await site.accel(), signal });
  };
  return {
    look: async (server) => look(site, server),
    start: async (server, signal) => begin(requireHere(site, server), signal),
    reboot: async (server, signal) => {
      const vm = requireHere(site, server);
      // Who does not listen to the power button is reset.
      if (await askShutdown(vm.folder, Math.min(rebootMs, site.waits.shutdownMs), signal)) await begin(vm, signal);
      else await resetMachine(vm.folder);
    },
  };
}

function look(site: QemuSite, server: EnsureServer): Seen {
  const vm = locate(site, server.vmid);
  if (vm === undefined) return { state: 'hands off', why: `machine ${server.vmid} is absent` };
  const options = optionsOf(vm.record);
  if (!isOurs(options, server)) return { state: 'hands off', why: `machine ${server.vmid} is not this server` };
  const held = hasTag(options['tags'] ?? '', holdTag);
  const hold = held ? `machine ${server.vmid} carries the tag ${holdTag}` : '';
  if (findProcess(vm.folder) !== undefined) return held ? { state: 'running', hold } : { state: 'running' };
  return held ? { state: 'hands off', why: hold } : { state: 'stopped' };
}

function requireHere(site: QemuSite, { vmid }: EnsureServer): Here {
  const vm = locate(site, vmid);
  if (vm === undefined) throw new Error(`machine ${vmid} is not there any more`);
  return vm;
}
