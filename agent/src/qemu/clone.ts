import { CloneMode, Effect, type EnsureServer } from '@truffle/api/agent/v1/command';
import { Disks, type GuestImage, makeMachine, type MachineRecord, readImage } from '@truffle/qemu';
import type { CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { journalled } from '../pve/step.ts';
import { seedOf, specOf } from './configure.ts';
import { folderOf, type Here, locate } from './locate.ts';
import { labelsOf } from './mark.ts';
import { requireOwned } from './owned.ts';
import type { QemuSite } from './site.ts';
import { writeFileSync } from 'node:fs';

/**
 * Has the server's machine exist, from its image: made whole under another name, then renamed, so that what is there is whole and ours.
 * @throws DecodedFailure for a foreign machine on the number, QemuError, or the run's signal's reason
 */
export async function ensureCloned(site: QemuSite, run: CommandRun, spec: EnsureServer): Promise<Here> {
  const known = locate(site, spec.vmid);
  if (known === undefined) {
    const image = readImage(site.images[spec.image] ?? '');
    requireRoom(image, spec);
    const mode = cloneModes[spec.cloneMode] ?? site.clone;
    run.progress('clone', `making machine ${spec.vmid} from ${spec.image}`);
    const mark = { orgId: spec.orgId, serverId: spec.serverId, commandId: run.commandId };
    const record: MachineRecord = { spec: specOf(site, spec, image.boot), labels: labelsOf(mark, spec.tags) };
    await journalled(run, 'clone', { vmid: spec.vmid, image: spec.image }, async () => {
      const disks = new Disks(site.programs().img, run.signal);
      await makeMachine(folderOf(site, spec.vmid), record, async (draft) => {
        const bytes = Math.max(Number(spec.diskBytes), image.diskBytes);
        if (mode === 'linked') await disks.link(draft.disk, image.disk, bytes);
        else {
          await disks.copy(image.disk, draft.disk);
          if (bytes > image.diskBytes) await disks.resize(draft.disk, bytes);
        }
        writeFileSync(draft.seed, seedOf(site, spec));
      });
      return { vmid: spec.vmid };
    });
  }
  const made = locate(site, spec.vmid);
  if (made === undefined) throw new DecodedFailure(vanished(spec));
  requireOwned(made, spec);
  return made;
}

const cloneModes: Readonly<Partial<Record<CloneMode, 'linked' | 'full'>>> = {
  [CloneMode.LINKED]: 'linked',
  [CloneMode.FULL]: 'full',
};

function requireRoom(image: GuestImage, spec: EnsureServer): void {
  if (spec.diskBytes === 0n || Number(spec.diskBytes) >= image.diskBytes) return;
  throw new DecodedFailure({
    reason: 'QEMU_SHRINK',
    message: `A disk of ${spec.diskBytes} bytes is smaller than image ${spec.image}, which has ${image.diskBytes}`,
    cause: 'A disk can only grow.',
    remedy: 'Ask for at least what the image has.',
    effect: Effect.NONE,
  });
}

const vanished = ({ vmid }: EnsureServer) => ({
  reason: 'QEMU_SERVER_MISSING',
  message: `Machine ${vmid} was removed while it was being made`,
  remedy: 'Try again.',
  retryable: true,
});
