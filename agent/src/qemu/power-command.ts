import { Effect } from '@truffle/api/agent/v1/command';
import type { StartServer, StopServer } from '@truffle/api/agent/v1/server_command';
import { findProcess } from '@truffle/qemu';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { findOwned } from './owned.ts';
import { placedEnd } from './placed.ts';
import { start, stop } from './power.ts';
import type { QemuSite } from './site.ts';

/** Makes a server run. @throws QemuError, DecodedFailure, or the run's signal's reason */
export async function startServer(site: QemuSite, run: CommandRun, spec: StartServer): Promise<CommandEnd> {
  const vm = findOwned(site, spec);
  const running = findProcess(vm.folder) !== undefined;
  await start(site, run, vm);
  return placedEnd(site, vm, running ? Effect.NONE : Effect.FULL);
}

/** Makes a server stand still: asked first, for a bounded time, then its power is cut. @throws as `startServer` */
export async function stopServer(site: QemuSite, run: CommandRun, spec: StopServer): Promise<CommandEnd> {
  const vm = findOwned(site, spec);
  const running = findProcess(vm.folder) !== undefined;
  await stop(site, run, vm, spec.shutdownSeconds > 0 ? spec.shutdownSeconds * 1_000 : site.waits.shutdownMs);
  return placedEnd(site, vm, running ? Effect.FULL : Effect.NONE);
}
