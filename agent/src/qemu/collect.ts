import type { CollectOrphans } from '@truffle/api/agent/v1/site_command';
import { listMachines, QemuError } from '@truffle/qemu';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { type Candidate, type Claims, type Orphan, ownerOf } from '../pve/orphan.ts';
import { claimsOf, collected, type Collector, type Fate, orphansAmong, settleOrphan } from '../site/collection.ts';
import { removeServer } from './delete.ts';
import { type Here, locate } from './locate.ts';
import { optionsOf } from './mark.ts';
import { conflict } from './server.ts';
import type { QemuSite } from './site.ts';

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
  const claims = claimsOf(site, collector, spec);
  const settling = { collector, dryRun: spec.dryRun };
  const fates: Fate[] = [];
  for (const orphan of orphansAmong(readCandidates(site, run), claims, site.numbers))
    fates.push(
      await settleOrphan(run, settling, orphan, {
        remove: (server, step) => removeServer(site, run, server, requireOrphan(orphan, claims), step),
        remedyOf,
      }),
    );
  return collected(run, fates);
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

const requireOrphan =
  ({ vmid, node, serverId, how }: Orphan, claims: Claims) =>
  (found: Here): void => {
    const owned = ownerOf({ vmid, node, options: optionsOf(found.record) }, claims);
    if (owned?.serverId !== serverId || owned.how !== how) throw conflict(vmid, found.folder, serverId);
  };

const remedyOf = (error: Error): string | undefined =>
  error instanceof DecodedFailure ? error.facts.remedy : error instanceof QemuError ? error.remedy : undefined;
