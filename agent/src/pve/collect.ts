import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import { type CollectOrphans, OrphanFate } from '@truffle/api/agent/v1/site_command';
import { smbiosUuidOf, type Id } from '@truffle/ids';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import type { Here } from './clone.ts';
import { removeServer } from './delete.ts';
import { PveError, PveTaskError } from './error.ts';
import { faultOf } from './fault.ts';
import { clearingCommand } from './lock.ts';
import { type Candidate, type Claims, findOrphans, type Orphan, ownerOf } from './orphan.ts';
import { conflict } from './server.ts';
import type { PveSite } from './site.ts';
import { clonesAtWork } from './seen.ts';
import { findUnseen, type Unseen } from './unseen.ts';

/** Configurations read at a time. */
const readers = 8;

/** What a collection is held to, and what outlives it. */
export interface Collector {
  /** The agent's own organization. */
  readonly orgId: string;
  /** Asked before each removal. @throws DecodedFailure when the site's policy forbids it */
  readonly mayRemove: (name: string, vmid: number) => void;
}

interface Fate {
  readonly vmid: number;
  readonly node: string;
  readonly serverId: string;
  readonly fate: OrphanFate;
  readonly reason: string;
  readonly command?: string;
}

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
  const { orgId } = collector;
  requireOwnOrg(orgId, spec);
  const claims: Claims = {
    orgId,
    vmids: site.vmids,
    leases: new Map(spec.leases.map((lease) => [lease.vmid, lease.serverId])),
    reservations: site.numbers.reservations(),
    wanted: new Set(spec.wantedServerIds),
    unwanted: site.numbers.unwanted(),
    nowMs: Date.now(),
    graceMs: spec.graceSeconds * 1_000,
  };
  const { candidates, listed } = await readCandidates(site, run);
  const orphans = findOrphans(candidates, claims);
  site.numbers.keepUnwanted(orphans.map(({ vmid, serverId, sinceMs }) => ({ vmid, serverId, sinceMs })));
  const fates: Fate[] = (await findUnseen(site, run, claims, listed)).map(fateOfUnseen);
  for (const orphan of orphans) fates.push(await settle(site, run, { claims, collector, dryRun: spec.dryRun }, orphan));
  const removed = fates.filter((each) => each.fate === OrphanFate.REMOVED).length;
  run.progress('collected', `${fates.length} orphans, ${removed} removed`);
  return {
    outcome: Outcome.SUCCEEDED,
    effect: removed > 0 ? Effect.FULL : Effect.NONE,
    output: create(CommandOutputSchema, {
      output: { case: 'orphans', value: { orphans: fates.toSorted((a, b) => a.vmid - b.vmid) } },
    }),
  };
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

async function settle(
  site: PveSite,
  run: CommandRun,
  { claims, collector, dryRun }: { claims: Claims; collector: Collector; dryRun: boolean },
  orphan: Orphan,
): Promise<Fate> {
  const { vmid, node, serverId, reason } = orphan;
  if (orphan.lock !== '') return lockedFate(site, run, orphan);
  if (!orphan.due) return { vmid, node, serverId, reason, fate: OrphanFate.WAITING };
  if (dryRun) return { vmid, node, serverId, reason, fate: OrphanFate.LISTED };
  const server = { serverId, orgId: claims.orgId, vmid, smbiosUuid: smbiosUuidOf(serverId as Id<'srv'>) };
  const requireOrphan = (found: Here): void => {
    const owned = ownerOf({ vmid, node: found.node, options: found.config.options }, claims);
    // What took a lock, or became half or whole since it was listed, is judged anew the next time.
    if (owned?.serverId !== serverId || owned.how !== orphan.how) throw conflict(vmid, found.node, serverId);
  };
  try {
    collector.mayRemove(`${run.commandId}/${vmid}`, vmid);
    await removeServer(site, run, server, requireOrphan, `destroy-${vmid}`);
    return { vmid, node, serverId, reason, fate: OrphanFate.REMOVED };
  } catch (error) {
    run.signal.throwIfAborted();
    const told = error instanceof DecodedFailure || error instanceof PveError || error instanceof PveTaskError;
    if (!told) throw error;
    const why = `${error.message}. ${faultOf(error)?.remedy ?? (error instanceof DecodedFailure ? (error.facts.remedy ?? '') : '')}`;
    return { vmid, node, serverId, reason: `${reason}, but: ${why}`, fate: OrphanFate.FAILED };
  }
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

function requireOwnOrg(orgId: string, spec: CollectOrphans): void {
  if (spec.orgId === orgId) return;
  throw new DecodedFailure({
    reason: 'FOREIGN_ORGANIZATION',
    message: 'The command is about another organization than the agent’s own',
    remedy: 'Send it to an agent of that organization.',
    effect: Effect.NONE,
  });
}
