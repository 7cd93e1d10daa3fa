import type { CommandRun } from '../command/effect.ts';
import { PveError } from './error.ts';
import { clearingCommand } from './lock.ts';
import type { Claims } from './orphan.ts';
import { clonesAtWork } from './seen.ts';
import type { PveSite } from './site.ts';

/** Numbers asked about at a time. */
const askers = 8;

/** A number that was ours to use, and has a guest that the token can't see. */
export interface Unseen {
  readonly vmid: number;
  readonly serverId: string;
  readonly reason: string;
  /** What a root shell of the cluster runs. Does nothing to a guest that is not a stub. */
  readonly command: string;
}

/**
 * Finds guests on the numbers of unwanted servers that no list shows: what a clone left that died (it is in no pool yet), or a server that
 * somebody took out of the pool. Whose they are can't be told, so nothing is done to them.
 * @param listed numbers of the guests that were listed
 * @throws PveError, or the run's signal's reason
 */
export async function findUnseen(
  site: PveSite,
  run: CommandRun,
  claims: Claims,
  listed: ReadonlySet<number>,
): Promise<readonly Unseen[]> {
  const { first, last } = claims.vmids;
  const reserved = new Set(claims.reservations.map((each) => each.vmid));
  const asked = [...claims.leases].filter(
    ([vmid, serverId]) => !listed.has(vmid) && vmid >= first && vmid <= last && !claims.wanted.has(serverId),
  );
  const waiting = asked.toSorted(([a], [b]) => a - b);
  const found: Unseen[] = [];
  const ask = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [vmid, serverId] = next;
      try {
        if (!(await site.api.isFree(vmid, run.signal))) found.push(unseen(site, vmid, serverId, reserved.has(vmid)));
      } catch (error) {
        if (!(error instanceof PveError)) throw error;
        run.log('agent', `whether VM number ${vmid} is free could not be asked: ${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: askers }, ask));
  if (found.length === 0) return [];
  // One that is being made just now is in no list either.
  const making = await clonesAtWork(site, run.signal);
  return found.filter((each) => !(making && reserved.has(each.vmid))).toSorted((a, b) => a.vmid - b.vmid);
}

function unseen(site: PveSite, vmid: number, serverId: string, reserved: boolean): Unseen {
  const guest = `A guest that the agent’s token can’t see has number ${vmid}, which was leased for server ${serverId}`;
  if (reserved) {
    return {
      vmid,
      serverId,
      reason: `${guest}: a creation that died may have left it. Look at it (qm config ${vmid}); if it is somebody else’s, take its number out of vmids in the site config`,
      command: `qm config ${vmid} | grep -qx 'lock: clone' && ${clearingCommand(vmid, 'clone')}`,
    };
  }
  const command = site.pool === undefined ? `qm config ${vmid}` : `pvesh set /pools/${site.pool} --vms ${vmid}`;
  return {
    vmid,
    serverId,
    reason: `${guest}: it may have been taken out of the pool. Look at it (qm config ${vmid}); if it carries our mark put it back, and look for orphans again`,
    command,
  };
}
