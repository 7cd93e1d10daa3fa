import { Effect } from '@truffle/api/agent/v1/command';
import type { MigrateServer } from '@truffle/api/agent/v1/server_command';
import type { CommandEnd } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { findOwned } from './owned.ts';
import { placedEnd } from './placed.ts';
import type { QemuSite } from './site.ts';

/** Makes a server be on the given node. There is one: it is there already, or can't be. @throws DecodedFailure */
export async function migrateServer(site: QemuSite, spec: MigrateServer): Promise<CommandEnd> {
  const vm = findOwned(site, spec);
  if (spec.targetNode === site.node) return placedEnd(site, vm, Effect.NONE);
  throw new DecodedFailure({
    reason: 'QEMU_ONE_NODE',
    message: `Server ${spec.serverId} can't move to ${spec.targetNode}`,
    cause: `The site is one machine, ${site.node}.`,
    remedy: 'Make the server anew on another site.',
    effect: Effect.NONE,
  });
}
