import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import { type CollectOrphans, OrphanFate } from '@truffle/api/agent/v1/site_command';
import { type Id, smbiosUuidOf } from '@truffle/ids';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import type { NumberMemory, SiteDeps } from '../command/site.ts';
import { type Candidate, type Claims, findOrphans, type Orphan } from '../pve/orphan.ts';
import type { ServerRef } from '../pve/owned.ts';

/** What a collection is held to, and what outlives it. */
export type Collector = Pick<SiteDeps, 'orgId' | 'mayRemove'>;

/** What became of an orphan. */
export interface Fate {
  readonly vmid: number;
  readonly node: string;
  readonly serverId: string;
  readonly fate: OrphanFate;
  readonly reason: string;
  readonly command?: string;
}

interface Numbers {
  readonly vmids: Claims['vmids'];
  readonly numbers: NumberMemory;
}

/** What tells ours from foreign, as the command and the journal say. @throws DecodedFailure for another organization's command */
export function claimsOf({ vmids, numbers }: Numbers, { orgId }: Collector, spec: CollectOrphans): Claims {
  if (spec.orgId !== orgId)
    throw new DecodedFailure({
      reason: 'FOREIGN_ORGANIZATION',
      message: 'The command is about another organization than the agent’s own',
      remedy: 'Send it to an agent of that organization.',
      effect: Effect.NONE,
    });
  return {
    orgId,
    vmids,
    leases: new Map(spec.leases.map((lease) => [lease.vmid, lease.serverId])),
    reservations: numbers.reservations(),
    wanted: new Set(spec.wantedServerIds),
    unwanted: numbers.unwanted(),
    nowMs: Date.now(),
    graceMs: spec.graceSeconds * 1_000,
  };
}

/** Those that nobody wants; since when is remembered. */
export function orphansAmong(
  candidates: readonly Candidate[],
  claims: Claims,
  numbers: NumberMemory,
): readonly Orphan[] {
  const orphans = findOrphans(candidates, claims);
  numbers.keepUnwanted(orphans.map(({ vmid, serverId, sinceMs }) => ({ vmid, serverId, sinceMs })));
  return orphans;
}

/** How a driver removes a server, and what it says of its own failures. */
interface Removal {
  /** Names the journalled step that it is removed in. */
  readonly remove: (server: ServerRef, step: string) => Promise<void>;
  /** What to do about a failure; undefined for one that ends the collection. */
  readonly remedyOf: (error: Error) => string | undefined;
}

/**
 * Removes the orphan when its grace time is over and the command is no mere look.
 * @throws what `remedyOf` has no word for, or the run's signal's reason
 */
export async function settleOrphan(
  run: CommandRun,
  { collector, dryRun }: { readonly collector: Collector; readonly dryRun: boolean },
  { vmid, node, serverId, reason, due }: Orphan,
  { remove, remedyOf }: Removal,
): Promise<Fate> {
  const told = { vmid, node, serverId, reason };
  if (!due) return { ...told, fate: OrphanFate.WAITING };
  if (dryRun) return { ...told, fate: OrphanFate.LISTED };
  const smbiosUuid = smbiosUuidOf(serverId as Id<'srv'>);
  try {
    collector.mayRemove(`${run.commandId}/${vmid}`, vmid);
    await remove({ serverId, orgId: collector.orgId, vmid, smbiosUuid }, `destroy-${vmid}`);
    return { ...told, fate: OrphanFate.REMOVED };
  } catch (error) {
    run.signal.throwIfAborted();
    const remedy = error instanceof Error ? remedyOf(error) : undefined;
    if (remedy === undefined || !(error instanceof Error)) throw error;
    return { ...told, reason: `${reason}, but: ${error.message}. ${remedy}`, fate: OrphanFate.FAILED };
  }
}

/** The collection's end. */
export function collected(run: CommandRun, fates: readonly Fate[]): CommandEnd {
  const removed = fates.filter((each) => each.fate === OrphanFate.REMOVED).length;
  run.progress('collected', `${fates.length} orphans, ${removed} removed`);
  const orphans = fates.toSorted((a, b) => a.vmid - b.vmid);
  return {
    outcome: Outcome.SUCCEEDED,
    effect: removed > 0 ? Effect.FULL : Effect.NONE,
    output: create(CommandOutputSchema, { output: { case: 'orphans', value: { orphans } } }),
  };
}
