import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import { type CollectOrphans, OrphanFate } from '@truffle/api/agent/v1/site_command';
import { type Id, smbiosUuidOf } from '@truffle/ids';
import { listMachines, QemuError } from '@truffle/qemu';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { type Candidate, type Claims, findOrphans, type Orphan, ownerOf } from '../pve/orphan.ts';
import { removeServer } from './delete.ts';
import { type Here, locate } from './locate.ts';
import { optionsOf } from './mark.ts';
import { conflict } from './server.ts';
import type { QemuSite } from './site.ts';

/** What a collection is held to. */
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
}

/**
 * Finds what is ours and no longer wanted; removes what has been so for the grace time, each only after all proofs of ownership were read again.
 * @throws DecodedFailure, or the run's signal's reason
 */
export async function collectOrphans(
  site: QemuSite,
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
  const orphans = findOrphans(readCandidates(site, run), claims);
  site.numbers.keepUnwanted(orphans.map(({ vmid, serverId, sinceMs }) => ({ vmid, serverId, sinceMs })));
  const fates: Fate[] = [];
  for (const orphan of orphans) fates.push(await settle(site, run, { claims, collector, dryRun: spec.dryRun }, orphan));
  const removed = fates.filter((each) => each.fate === OrphanFate.REMOVED).length;
  run.progress('collected', `${fates.length} orphans, ${removed} removed`);
  return {
    outcome: Outcome.SUCCEEDED,
    effect: removed > 0 ? Effect.FULL : Effect.NONE,
    output: create(CommandOutputSchema, { output: { case: 'orphans', value: { orphans: fates } } }),
  };
}

function readCandidates(site: QemuSite, run: CommandRun): readonly Candidate[] {
  return listMachines(site.folder).flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const vm = locate(site, Number(name));
      return vm === undefined ? [] : [{ vmid: vm.vmid, node: site.node, options: optionsOf(vm.record) }];
    } catch (error) {
      if (!(error instanceof QemuError)) throw error;
      run.log('agent', `machine ${name} could not be read: ${error.message}`);
      return [];
    }
  });
}

async function settle(
  site: QemuSite,
  run: CommandRun,
  { claims, collector, dryRun }: { claims: Claims; collector: Collector; dryRun: boolean },
  orphan: Orphan,
): Promise<Fate> {
  const { vmid, node, serverId, reason } = orphan;
  const told = { vmid, node, serverId, reason };
  if (!orphan.due) return { ...told, fate: OrphanFate.WAITING };
  if (dryRun) return { ...told, fate: OrphanFate.LISTED };
  const server = { serverId, orgId: claims.orgId, vmid, smbiosUuid: smbiosUuidOf(serverId as Id<'srv'>) };
  const requireOrphan = (found: Here): void => {
    const owned = ownerOf({ vmid, node, options: optionsOf(found.record) }, claims);
    if (owned?.serverId !== serverId || owned.how !== orphan.how) throw conflict(vmid, found.folder, serverId);
  };
  try {
    collector.mayRemove(`${run.commandId}/${vmid}`, vmid);
    await removeServer(site, run, server, requireOrphan, `destroy-${vmid}`);
    return { ...told, fate: OrphanFate.REMOVED };
  } catch (error) {
    run.signal.throwIfAborted();
    const remedy =
      error instanceof DecodedFailure ? error.facts.remedy : error instanceof QemuError ? error.remedy : undefined;
    if (remedy === undefined || !(error instanceof Error)) throw error;
    return { ...told, reason: `${reason}, but: ${error.message}. ${remedy}`, fate: OrphanFate.FAILED };
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
