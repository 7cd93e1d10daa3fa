import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  type Accel,
  chooseAccel,
  findQemu,
  listMachines,
  QemuError,
  type QemuPrograms,
  qemuVersion,
} from '@truffle/qemu';
import { noNumbers, type NumberMemory, type SiteDeps } from '../command/site.ts';
import type { GuestAccess } from '../guest/connection.ts';
import type { Reach } from '../guest/reach.ts';
import type { QemuConfig } from '../site/config.qemu.ts';
import { textOf } from '../pve/json.ts';
import type { Driver, SiteReport } from '../site/driver.ts';
import { ImportedImages } from '../site/imported.ts';
import { collectOrphans } from './collect.ts';
import { deleteServer } from './delete.ts';
import { ensureServer } from './ensure.ts';
import { decodeQemu } from './failure.ts';
import { importImage } from './image.ts';
import { lookOver } from './inventory.ts';
import { keepVms } from './keep.ts';
import { migrateServer } from './migrate.ts';
import { startServer, stopServer } from './power-command.ts';
import { reachGuests } from './reach.ts';
import { resizeServer } from './resize.ts';
import { rollbackServer } from './rollback.ts';
import { type QemuSite, storageName } from './site.ts';
import { deleteSnapshot, snapshotServer } from './snapshot.ts';
import { usageReader } from './usage.ts';

/** What drives QEMU on this machine. @throws SiteConfigError */
export function openQemu(
  config: QemuConfig,
  own: { readonly sshPublicKey: string },
  { dataFolder, numbers, orgId, mayRemove }: SiteDeps,
): Driver {
  const site = qemuSite(config, { ...own, dataFolder, numbers });
  const { first, last } = site.vmids;
  return {
    kind: 'qemu',
    effects: {
      ensureServer: (run, spec) => ensureServer(site, run, spec),
      deleteServer: (run, spec) => deleteServer(site, run, spec),
      snapshotServer: (run, spec) => snapshotServer(site, run, spec),
      rollbackServer: (run, spec) => rollbackServer(site, run, spec),
      deleteSnapshot: (run, spec) => deleteSnapshot(site, run, spec),
      resizeServer: (run, spec) => resizeServer(site, run, spec),
      migrateServer: (_run, spec) => migrateServer(site, spec),
      startServer: (run, spec) => startServer(site, run, spec),
      stopServer: (run, spec) => stopServer(site, run, spec),
      importImage: (run, spec) => importImage(site, run, spec),
      collectOrphans: (run, spec) => collectOrphans(site, { orgId, mayRemove }, run, spec),
    },
    decode: decodeQemu,
    ground: {
      pool: undefined,
      storage: storageName,
      bridges: Object.fromEntries(Object.keys(site.networks).map((name) => [name, name])),
    },
    inventory: async () => (await lookOver(site, await versionOf(site))).inventory,
    look: async () => {
      const numbersThere = listMachines(site.folder).map(Number);
      return { servers: numbersThere.filter((vmid) => vmid >= first && vmid <= last), storages: [storageName] };
    },
    keep: keepVms(site),
    usage: usageReader(site),
    close: () => undefined,
  };
}

/** The way to the site's guests. */
export function qemuReach(config: QemuConfig, entry: Omit<GuestAccess, 'reach'>): Reach {
  return reachGuests(config, entry);
}

/** As `openQemu`, for a look that needs no identity. @throws SiteConfigError */
export async function reportQemu(config: QemuConfig, dataFolder: string): Promise<SiteReport> {
  const site = qemuSite(config, { dataFolder, sshPublicKey: '', numbers: noNumbers });
  const version = await versionOf(site);
  const { findings } = await lookOver(site, version);
  return { site: site.node, hypervisor: 'QEMU', hypervisorVersion: version, findings };
}

function qemuSite(
  config: QemuConfig,
  own: { readonly dataFolder: string; readonly sshPublicKey: string; readonly numbers: NumberMemory },
): QemuSite {
  const { folder, vmids, networks, clone, internet, sshUser, waits } = config;
  const imported = new ImportedImages(join(own.dataFolder, 'image-folders.json'), textOf);
  let programs: QemuPrograms | undefined;
  let accel: Promise<Accel> | undefined;
  const find = (): QemuPrograms => (programs ??= findQemu());
  const choose = async (): Promise<Accel> =>
    config.accel === 'auto' ? (await chooseAccel(find(), own.dataFolder)).accel : config.accel;
  return {
    node: nodeName(),
    folder,
    vmids,
    get images() {
      return { ...imported.all(), ...config.images };
    },
    imageFolder: join(own.dataFolder, 'images'),
    addImage: (name, path) => imported.add(name, path),
    networks,
    clone,
    internet,
    programs: find,
    accel: () => (accel ??= choose()),
    numbers: own.numbers,
    sshUser,
    sshPublicKey: own.sshPublicKey,
    waits,
  };
}

/** A name that a plan can say: this machine's own. */
const nodeName = (): string =>
  hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63) || 'local';

/** Empty where QEMU is not installed. */
async function versionOf(site: QemuSite): Promise<string> {
  try {
    return await qemuVersion(site.programs());
  } catch (error) {
    if (error instanceof QemuError) return '';
    throw error;
  }
}
