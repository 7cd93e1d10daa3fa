import { Effect } from '@truffle/api/agent/v1/command';
import { DecodedFailure } from '../command/failure.ts';
import { carriesAll, type ServerRef } from '../pve/owned.ts';
import { type Here, locate } from './locate.ts';
import { optionsOf } from './mark.ts';
import { conflict } from './server.ts';
import type { QemuSite } from './site.ts';

/** The server's machine. @throws DecodedFailure when it is not there, or is somebody else's; QemuError */
export function findOwned(site: QemuSite, server: ServerRef): Here {
  const found = locate(site, server.vmid);
  if (found === undefined) throw missing(server);
  requireOwned(found, server);
  return found;
}

/** Mark, tag and UUID must all be this server's. @throws DecodedFailure */
export function requireOwned(found: Here, server: ServerRef): void {
  if (!carriesAll(optionsOf(found.record), server)) throw conflict(server.vmid, found.folder, server.serverId);
}

function missing({ vmid, serverId }: ServerRef): DecodedFailure {
  return new DecodedFailure({
    reason: 'QEMU_SERVER_MISSING',
    message: `Machine ${vmid} of server ${serverId} is not there`,
    cause: 'Somebody removed it, or it was never made.',
    remedy: 'Make the server again (EnsureServer), then try again.',
    parameters: { vmid: String(vmid) },
    effect: Effect.NONE,
  });
}
