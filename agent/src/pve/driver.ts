import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Inventory } from '@truffle/api/agent/v1/agent';
import { noNumbers, type Site, type SiteDeps } from '../command/site.ts';
import { awaitSsh } from '../guest/banner.ts';
import { bastionReach, directReach, type Reach } from '../guest/reach.ts';
import type { BastionConfig, PveConfig } from '../site/config.ts';
import type { Driver, SiteReport } from '../site/driver.ts';
import { ImportedImages } from '../site/imported.ts';
import { lookOver, takeInventory } from '../site/inventory.ts';
import { SiteConfigError } from '../site/reader.ts';
import { authorityFindings } from '../site/tls.ts';
import { PveApi } from './api.ts';
import { PveClient } from './client.ts';
import { collectOrphans } from './collect.ts';
import { deleteServer } from './delete.ts';
import { ensureServer } from './ensure.ts';
import { Facts } from './facts.ts';
import { decodePve } from './failure.ts';
import { importImage } from './image.ts';
import { numberOf } from './json.ts';
import { keepVms, rebootVm } from './keep.ts';
import { migrateServer } from './migrate.ts';
import { startServer, stopServer } from './power-command.ts';
import { resizeServer } from './resize.ts';
import { rollbackServer } from './rollback.ts';
import { Semaphores } from './semaphore.ts';
import type { PveSite } from './site.ts';
import { deleteSnapshot, snapshotServer } from './snapshot.ts';

/** Proxmox VE has three workers on a node; answered questions leave at once. */
const agentQuestions = 4;
/** How long an inventory may take in milliseconds: less than the time between two. */
const inventoryMs = 50_000;

/** What drives Proxmox VE at the site that the config describes; waits for no network. @throws SiteConfigError */
export function openPve(
  config: PveConfig,
  own: Pick<OwnParts, 'reach' | 'sshPublicKey' | 'hostKeys'>,
  deps: SiteDeps,
): Driver {
  const client = clientOf(config);
  const imported = importedTo(deps.dataFolder);
  const memory = { numbers: deps.numbers, neighbours: () => readNeighbours(deps.neighbourFile) };
  const pve = pveSite(config, new PveApi(client), { ...own, imported, ...memory });
  const learned = client.learnNodes(AbortSignal.timeout(10_000));
  const { first, last } = pve.vmids;
  return {
    kind: 'pve',
    effects: effectsOf(pve, deps),
    decode: decodePve,
    ground: {
      pool: config.pool,
      storage: config.storage,
      bridges: Object.fromEntries(Object.entries(config.networks).map(([name, { bridge }]) => [name, bridge])),
    },
    inventory: async (): Promise<Inventory> => {
      await learned;
      return takeInventory(pve, config.tokenId, AbortSignal.timeout(inventoryMs));
    },
    look: async (image, signal) => {
      try {
        return await look(pve, image, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw decodePve(error);
      }
    },
    keep: { ...keepVms(pve), reboot: (server, signal) => rebootVm(pve, server, signal) },
    usage: async () => {
      const { guests } = await pve.facts.resources();
      return guests.filter(({ vmid }) => vmid >= first && vmid <= last).map(({ usage }) => usage);
    },
    close: () => client.close(),
  };
}

/** The way to the guests' network. @throws SiteConfigError */
export function pveReach({ bastion }: PveConfig): Reach {
  return bastion === undefined ? directReach() : throughBastion(bastion);
}

/** As `openPve`, for a look that changes nothing and needs no identity. @throws SiteConfigError */
export async function reportPve(config: PveConfig, dataFolder: string): Promise<SiteReport> {
  if (config.bastion !== undefined) readNamed('bastion.keyFile', config.bastion.keyFile);
  const pinned = authorityFindings(readNamed('caFile', config.caFile), Date.now());
  const client = clientOf(config);
  try {
    const imported = importedTo(dataFolder);
    const memory = { numbers: noNumbers, hostKeys: noHostKeys, neighbours: () => Promise.resolve('') };
    const pve = pveSite(config, new PveApi(client), { sshPublicKey: '', reach: directReach(), imported, ...memory });
    const { inventory, findings } = await lookOver(pve, config.tokenId, AbortSignal.timeout(inventoryMs));
    const { clusterName, hypervisorVersion } = inventory;
    const site = clusterName === '' ? pve.name : clusterName;
    return { site, hypervisor: 'Proxmox VE', hypervisorVersion, findings: [...pinned, ...findings] };
  } finally {
    client.close();
  }
}

function effectsOf(pve: PveSite, { orgId, mayRemove }: SiteDeps): Driver['effects'] {
  return {
    ensureServer: (run, spec) => ensureServer(pve, run, spec),
    deleteServer: (run, spec) => deleteServer(pve, run, spec),
    snapshotServer: (run, spec) => snapshotServer(pve, run, spec),
    rollbackServer: (run, spec) => rollbackServer(pve, run, spec),
    deleteSnapshot: (run, spec) => deleteSnapshot(pve, run, spec),
    resizeServer: (run, spec) => resizeServer(pve, run, spec),
    migrateServer: (run, spec) => migrateServer(pve, run, spec),
    startServer: (run, spec) => startServer(pve, run, spec),
    stopServer: (run, spec) => stopServer(pve, run, spec),
    importImage: (run, spec) => importImage(pve, run, spec),
    collectOrphans: (run, spec) => collectOrphans(pve, { orgId, mayRemove }, run, spec),
  };
}

async function look(pve: PveSite, image: string, signal: AbortSignal): ReturnType<Site['look']> {
  const linked = pve.clone === 'full' ? [] : (pve.images[image] ?? []);
  const [{ guests }, templates] = await Promise.all([
    pve.api.resources(signal),
    Promise.all(linked.map((vmid) => pve.facts.template(vmid))),
  ]);
  const { first, last } = pve.vmids;
  return {
    servers: guests
      .filter((each) => !each.template && each.vmid >= first && each.vmid <= last)
      .map((each) => each.vmid),
    storages: templates.flatMap((each) => each?.storages ?? []),
  };
}

function clientOf(config: PveConfig): PveClient {
  return new PveClient({
    urls: config.urls,
    nodes: config.nodes,
    tokenId: config.tokenId,
    tokenSecret: readNamed('tokenSecretFile', config.tokenSecretFile).trim(),
    ca: readNamed('caFile', config.caFile),
  });
}

/** What a site has of the agent's own. */
interface OwnParts extends Pick<PveSite, 'sshPublicKey' | 'numbers' | 'hostKeys' | 'neighbours'> {
  readonly reach: Reach;
  readonly imported: ImportedImages<number>;
}

/** The templates that were made of imported images, by their VMIDs. @throws SiteConfigError */
const importedTo = (dataFolder: string): ImportedImages<number> =>
  new ImportedImages(join(dataFolder, 'images.json'), numberOf);

const noHostKeys: PveSite['hostKeys'] = { knows: () => false, accepts: () => false };

/** Empty on a host that has no such file, or does not let it be read. */
const readNeighbours = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

function pveSite(
  config: PveConfig,
  api: PveApi,
  { sshPublicKey, reach, imported, numbers, hostKeys, neighbours }: OwnParts,
): PveSite {
  const { pool, storage, clone, cloudInit, isoStorage, importStorage, ha, vmids, networks, sshUser, waits, limits } =
    config;
  return {
    name: new URL(config.urls[0] ?? '').hostname,
    api,
    facts: new Facts(api),
    pool,
    storage,
    storages: [...new Set([storage, ...config.storages])],
    clone,
    cloudInit,
    isoStorage,
    importStorage,
    ha,
    vmids,
    get images() {
      const made = Object.entries(imported.all()).map(([name, vmid]): [string, readonly number[]] => [name, [vmid]]);
      return { ...Object.fromEntries(made), ...config.images };
    },
    addImage: (name, vmid) => imported.add(name, vmid),
    numbers,
    neighbours,
    addresses: new Map(),
    networks,
    sshUser,
    sshPublicKey,
    hostKeys,
    perTemplate: new Semaphores(limits.clonesPerTemplate),
    perStorage: new Semaphores(limits.clonesPerStorage),
    perAgentNode: new Semaphores(agentQuestions),
    waits,
    awaitSsh: (address, signal) => awaitSsh(reach, address, signal),
  };
}

function throughBastion(bastion: BastionConfig): Reach {
  const { host, port, user, keyFile, hostKeySha256 } = bastion;
  return bastionReach({ host, port, user, hostKeySha256, privateKey: readNamed('bastion.keyFile', keyFile) });
}

function readNamed(key: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new SiteConfigError(key, `names a file that can't be read: ${path} (${why})`);
  }
}
