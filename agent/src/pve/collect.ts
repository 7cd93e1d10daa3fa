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
import { type Candidate, type Claims, findOrphans, type Orphan, ownerOf } from './orphan.ts';
import { conflict } from './server.ts';
import type { PveSite } from './site.ts';

/** Configurations read at a time. */
const readers = 8;

/** What a collection is held to, and what outlives it. */
export interface Collector {
  /** The agent's own organization. */
  readonly orgId: string;
  /** Asked before each removal. @throws DecodedFailure when the site's policy forbids it */
  readonly mayRemove: (name: string, vmid: number) => void;
  /** When a VM was first seen unwanted, milliseconds. */
  readonly unwantedSince: Map<number, number>;
}

interface Fate {
  readonly vmid: number;
  readonly node: string;
  readonly serverId: string;
  readonly fate: OrphanFate;
  readonly reason: string;
}

/**
 * Finds what is ours and no longer wanted; removes what has been so for the grace time, each only after all proofs of ownership were read
 * again. The grace time runs from when this process first saw it unwanted, so that a restart of the agent only lengthens it.
 * @throws PveError when the site can't be listed, or the run's signal's reason
 */
export async function collectOrphans(
  site: PveSite,
  collector: Collector,
  run: CommandRun,
  spec: CollectOrphans,
): Promise<CommandEnd> {
  const { orgId, unwantedSince: seen } = collector;
  requireOwnOrg(orgId, spec);
  const nowMs = Date.now();
  const claims: Claims = {
    orgId,
    vmids: site.vmids,
    leases: new Map(spec.leases.map((lease) => [lease.vmid, lease.serverId])),
    wanted: new Set(spec.wantedServerIds),
    unwantedSince: seen,
    nowMs,
    graceMs: spec.graceSeconds * 1_000,
  };
  const orphans = findOrphans(await readCandidates(site, run), claims);
  remember(seen, orphans, nowMs);
  const fates: Fate[] = [];
  for (const orphan of orphans) fates.push(await settle(site, run, { claims, collector, dryRun: spec.dryRun }, orphan));
  const removed = fates.filter((each) => each.fate === OrphanFate.REMOVED).length;
  run.progress('collected', `${orphans.length} orphans, ${removed} removed`);
  return {
    outcome: Outcome.SUCCEEDED,
    effect: removed > 0 ? Effect.FULL : Effect.NONE,
    output: create(CommandOutputSchema, { output: { case: 'orphans', value: { orphans: fates } } }),
  };
}

async function readCandidates(site: PveSite, run: CommandRun): Promise<readonly Candidate[]> {
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
  return found;
}

function remember(seen: Map<number, number>, orphans: readonly Orphan[], nowMs: number): void {
  const now = new Set(orphans.map((each) => each.vmid));
  for (const vmid of seen.keys()) if (!now.has(vmid)) seen.delete(vmid);
  for (const vmid of now) if (!seen.has(vmid)) seen.set(vmid, nowMs);
}

async function settle(
  site: PveSite,
  run: CommandRun,
  { claims, collector, dryRun }: { claims: Claims; collector: Collector; dryRun: boolean },
  orphan: Orphan,
): Promise<Fate> {
  const { vmid, node, serverId, reason } = orphan;
  if (!orphan.due) return { vmid, node, serverId, reason, fate: OrphanFate.WAITING };
  if (dryRun) return { vmid, node, serverId, reason, fate: OrphanFate.LISTED };
  const server = { serverId, orgId: claims.orgId, vmid, smbiosUuid: smbiosUuidOf(serverId as Id<'srv'>) };
  const requireOrphan = (found: Here): void => {
    const owner = ownerOf({ vmid, node: found.node, options: found.config.options }, claims);
    if (owner !== serverId) throw conflict(vmid, found.node, serverId);
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

function requireOwnOrg(orgId: string, spec: CollectOrphans): void {
  if (spec.orgId === orgId) return;
  throw new DecodedFailure({
    reason: 'FOREIGN_ORGANIZATION',
    message: 'The command is about another organization than the agent’s own',
    remedy: 'Send it to an agent of that organization.',
    effect: Effect.NONE,
  });
}
