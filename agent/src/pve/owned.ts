import type { CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { Effect } from '@truffle/api/agent/v1/command';
import type { Here } from './clone.ts';
import { locate } from './locate.ts';
import { awaitUnlocked } from './lock.ts';
import { hasTag, readMark, smbiosUuid } from './mark.ts';
import { conflict } from './server.ts';
import type { PveSite } from './site.ts';

/** The server that a command is about, and what proves that a VM is it. */
export interface ServerRef {
  readonly serverId: string;
  readonly orgId: string;
  readonly vmid: number;
  readonly smbiosUuid: string;
}

/**
 * The server's VM on whatever node it is by now, once nothing holds its lock.
 * @throws DecodedFailure when it is not there, is somebody else's, or carries a stale lock
 */
export async function findOwned(site: PveSite, run: CommandRun, server: ServerRef, hint?: string): Promise<Here> {
  let found = await locate(site, server.vmid, hint, run.signal);
  if (found.state === 'here' && found.config.options['lock'] !== undefined) {
    requireMade(found, server);
    found = await awaitUnlocked(site, server.vmid, found, run.signal, (text) => run.progress('lock', text));
  }
  if (found.state === 'hidden') throw conflict(server.vmid, undefined, server.serverId);
  if (found.state === 'absent') throw missing(server);
  requireMade(found, server);
  return found;
}

/** A VM that went through all of EnsureServer: mark, tag and UUID are this server's. @throws DecodedFailure */
export function requireMade(found: Here, server: ServerRef): void {
  if (!carriesAll(found.config.options, server)) throw conflict(server.vmid, found.node, server.serverId);
}

/** Whether mark, tag and UUID are all this server's, and the VM is no template. */
export function carriesAll(options: Readonly<Record<string, string>>, server: Omit<ServerRef, 'vmid'>): boolean {
  const mark = readMark(options['description'] ?? '');
  return (
    mark?.serverId === server.serverId &&
    mark.orgId === server.orgId &&
    hasTag(options['tags'] ?? '', server.serverId) &&
    smbiosUuid(options['smbios1'] ?? '') === server.smbiosUuid.toLowerCase() &&
    options['template'] !== '1'
  );
}

function missing({ vmid, serverId }: ServerRef): DecodedFailure {
  return new DecodedFailure({
    reason: 'PVE_SERVER_MISSING',
    message: `VM ${vmid} of server ${serverId} is not there`,
    cause: 'Somebody removed it, or it was never made.',
    remedy: 'Make the server again (EnsureServer), then try again.',
    parameters: { vmid: String(vmid) },
    effect: Effect.NONE,
  });
}
