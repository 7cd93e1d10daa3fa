import { type CollectOrphans, OrphanFate } from '@truffle/api/agent/v1/site_command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { claimsOf, collected, type Collector, type Fate, orphansAmong, settleOrphan } from '../site/collection.ts';
import type { Here } from './clone.ts';
import { removeServer } from './delete.ts';
import { PveError, PveTaskError } from './error.ts';
import { faultOf } from './fault.ts';
import { clearingCommand } from './lock.ts';
import { type Candidate, type Claims, type Orphan, ownerOf } from './orphan.ts';
import { conflict } from './server.ts';
import type { PveSite } from './site.ts';
import { clonesAtWork } from './seen.ts';
import { findUnseen, type Unseen } from './unseen.ts';

/** Configurations read at a time. */
const readers = 8;

/**
 * Finds what is ours and no longer wanted; removes what has been so for the grace time, each only after all proofs of ownership were read
 * again. The grace time runs from when it was first seen unwanted, which the journal keeps. What only an operator can go on with, a lock that
 * nothing is at work behind or a guest that the token can't see, is told with the command, and left.
 * @throws PveError when the site can't be listed, or the run's signal's reason
 */
export async function collectOrphans(
  site: PveSite,
  collector: Collector,
  run: CommandRun,
  spec: CollectOrphans,
): Promise<CommandEnd> {
  const claims = claimsOf(site, collector, spec);
  const { candidates, listed } = await readCandidates(site, run);
  const orphans = orphansAmong(candidates, claims, site.numbers);
  const settling = { collector, dryRun: spec.dryRun };
  const fates: Fate[] = (await findUnseen(site, run, claims, listed)).map(fateOfUnseen);
  for (const orphan of orphans)
    fates.push(
      orphan.lock !== ''
        ? await lockedFate(site, run, orphan)
        : await settleOrphan(run, settling, orphan, {
            remove: (server, step) => removeServer(site, run, server, requireOrphan(orphan, claims), step),
            remedyOf,
          }),
    );
  return collected(run, fates);
}

interface Read {
  readonly candidates: readonly Candidate[];
  /** Numbers of all guests that the token sees, of whatever kind. */
  readonly listed: ReadonlySet<number>;
}

async function readCandidates(site: PveSite, run: CommandRun): Promise<Read> {
  const { first, last } = site.vmids;
  const { guests } = await site.api.resources(run.signal);
  const waiting = guests.filter((each) => each.vmid >= first && each.vmid <= last && !each.template);
  const found: Candidate[] = [];
  const read = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { vmid, node } = next;
      try {
        found.push({ vmid, node, options: (await site.api.config(node, vmid, run.signal)).options });
      } catch (error) {
        // On a node that does not answer, gone or moved since: looked at again the next time.
        if (!(error instanceof PveError)) throw error;
        run.log('agent', `VM ${vmid} could not be read: ${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: readers }, read));
  return { candidates: found, listed: new Set(guests.map((each) => each.vmid)) };
}

const fateOfUnseen = (unseen: Unseen): Fate => ({ ...unseen, node: '', fate: OrphanFate.OPERATOR_REQUIRED });

/** What took a lock, or became half or whole since it was listed, is judged anew the next time. */
const requireOrphan =
  ({ vmid, serverId, how }: Orphan, claims: Claims) =>
  (found: Here): void => {
    const owned = ownerOf({ vmid, node: found.node, options: found.config.options }, claims);
    if (owned?.serverId !== serverId || owned.how !== how) throw conflict(vmid, found.node, serverId);
  };

function remedyOf(error: Error): string | undefined {
  const known = error instanceof DecodedFailure || error instanceof PveError || error instanceof PveTaskError;
  if (!known) return undefined;
  return faultOf(error)?.remedy ?? (error instanceof DecodedFailure ? (error.facts.remedy ?? '') : '');
}

/** A lock is never cleared: behind it something is at work, or died and left what a person has to look at. */
async function lockedFate(site: PveSite, run: CommandRun, orphan: Orphan): Promise<Fate> {
  const { vmid, node, serverId, lock, how } = orphan;
  const own = (await site.api.tasks(node, { vmid }, run.signal)).some((task) => task.running);
  const busy = own || (how === 'stub' && (await clonesAtWork(site, run.signal)));
  const reason = `${orphan.reason}; it is locked (${lock})`;
  if (busy) return { vmid, node, serverId, fate: OrphanFate.WAITING, reason: `${reason} by a task at work` };
  return {
    vmid,
    node,
    serverId,
    fate: OrphanFate.OPERATOR_REQUIRED,
    reason: `${reason} and no task that the agent’s token sees is at work on it. Look at it, then run the command as root on ${node}`,
    command: clearingCommand(vmid, lock),
  };
}
