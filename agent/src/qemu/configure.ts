import { readFileSync } from 'node:fs';
import type { EnsureServer } from '@truffle/api/agent/v1/command';
import {
  Disks,
  findProcess,
  growRunning,
  lanOf,
  type MachineBoot,
  type MachineSpec,
  macOf,
  placesOf,
  reachCard,
  replaceFile,
  seedImage,
  type SeedCard,
  writeRecord,
} from '@truffle/qemu';
import type { CommandRun } from '../command/effect.ts';
import { addressAt, networksOf } from './address.ts';
import type { Here } from './locate.ts';
import { withTags } from './mark.ts';
import type { QemuSite } from './site.ts';

const mib = 2 ** 20;

/** Brings the machine's record and seed to what is specified; what a running machine has is changed by its next start. */
export function configure(site: QemuSite, spec: EnsureServer, { folder, record }: Here): Here {
  const next = {
    spec: specOf(site, spec, record.spec.boot),
    labels: withTags(record.labels, spec.tags),
  };
  if (JSON.stringify(next) !== JSON.stringify(record)) writeRecord(folder, next);
  const seed = seedOf(site, spec);
  const { seed: path } = placesOf(folder);
  if (!seed.equals(readOrEmpty(path))) replaceFile(path, seed);
  return { vmid: spec.vmid, folder, record: next };
}

/** Grows the disk to what is specified; one that is larger stays. @throws QemuError, or the run's signal's reason */
export async function grow(site: QemuSite, run: CommandRun, { folder }: Here, bytes: number): Promise<void> {
  const disks = new Disks(site.programs().img, run.signal);
  const { disk } = placesOf(folder);
  if ((await disks.facts(disk)).bytes >= bytes) return;
  run.progress('resize', `growing the disk to ${Math.round(bytes / mib)} MiB`);
  if (findProcess(folder) === undefined) await disks.resize(disk, bytes);
  else await growRunning(folder, bytes);
}

/** The machine as the command wants it. @param boot what its image says */
export function specOf(site: QemuSite, spec: EnsureServer, boot: MachineBoot): MachineSpec {
  return {
    name: spec.name,
    uuid: spec.smbiosUuid.toLowerCase(),
    cpu: Math.max(1, spec.cpu),
    memoryMib: Math.ceil(Number(spec.memoryBytes) / mib),
    cards: networksOf(site, spec.networks).map((name, at) => ({
      mac: macAt(site, spec.vmid, at),
      lan: lanOf(site.folder, name),
    })),
    internet: site.internet,
    boot,
  };
}

/** MAC of a server's nth card. */
export const macAt = (site: Pick<QemuSite, 'folder'>, vmid: number, at: number): string => macOf(site.folder, vmid, at);

/** What tells the guest who it is. The last card is the one by which this machine reaches it. */
export function seedOf(site: QemuSite, spec: EnsureServer): Buffer {
  const cards: readonly SeedCard[] = networksOf(site, spec.networks).map((name, at) => ({
    mac: macAt(site, spec.vmid, at),
    address: `${addressAt(site, name, spec.vmid) ?? ''}/${site.networks[name]?.prefix ?? 24}`,
  }));
  const { mac, address, gateway, resolver } = reachCard;
  const reach = site.internet ? { mac, address, gateway, resolver } : { mac, address };
  return seedImage({
    instanceId: spec.smbiosUuid,
    hostname: spec.name,
    user: site.sshUser,
    keys: [site.sshPublicKey],
    cards: [...cards, reach],
  });
}

function readOrEmpty(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
