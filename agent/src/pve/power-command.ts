import { Effect } from '@truffle/api/agent/v1/command';
import type { StartServer, StopServer } from '@truffle/api/agent/v1/server_command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { findOwned } from './owned.ts';
import { placedEnd } from './placed.ts';
import { start, stop } from './power.ts';
import type { PveSite } from './site.ts';

/** Makes a server run. @throws PveError, PveTaskError, DecodedFailure, or the run's signal's reason */
export async function startServer(site: PveSite, run: CommandRun, spec: StartServer): Promise<CommandEnd> {
  const { node } = await findOwned(site, run, spec);
  const { running } = await site.api.status(node, spec.vmid, run.signal);
  await start(site, run, node, spec.vmid);
  return placedEnd(site, run, node, spec.vmid, running ? Effect.NONE : Effect.FULL);
}

/** Makes a server stand still: asked first, for a bounded time, then its power is cut. @throws as `startServer` */
export async function stopServer(site: PveSite, run: CommandRun, spec: StopServer): Promise<CommandEnd> {
  const { node } = await findOwned(site, run, spec);
  const { running } = await site.api.status(node, spec.vmid, run.signal);
  const askedMs = spec.shutdownSeconds > 0 ? spec.shutdownSeconds * 1_000 : site.waits.shutdownMs;
  await stop(site, run, node, spec.vmid, askedMs);
  return placedEnd(site, run, node, spec.vmid, running ? Effect.FULL : Effect.NONE);
}
