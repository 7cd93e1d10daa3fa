import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Inventory } from '@truffle/api/agent/v1/agent';
import type { NumberMemory, Site, SiteDeps } from '../command/site.ts';
import { awaitSsh } from '../guest/banner.ts';
import type { GuestAccess } from '../guest/connection.ts';
import { HostKeys } from '../guest/host-keys.ts';
import { bastionReach, directReach, type Reach } from '../guest/reach.ts';
import { mendGuests } from '../guest/mend.ts';
import type { SecretOpener } from '../guest/secrets.ts';
import { loadSiteKey } from '../guest/site-key.ts';
import { PveApi } from '../pve/api.ts';
import { PveClient } from '../pve/client.ts';
import { Facts } from '../pve/facts.ts';
import { decodePve } from '../pve/failure.ts';
import { keepVms, rebootVm } from '../pve/keep.ts';
import { Semaphores } from '../pve/semaphore.ts';
import type { PveSite } from '../pve/site.ts';
import { type BastionConfig, readSiteConfig, type SiteConfig } from './config.ts';
import { handlersOf } from './handlers.ts';
import { ImportedImages } from './imported.ts';
import type { Finding } from './finding.ts';
import { lookOver, takeInventory } from './inventory.ts';
import { SiteConfigError } from './reader.ts';
import { authorityFindings } from './tls.ts';

/** Proxmox VE has three workers on a node; answered questions leave at once. */
const agentQuestions = 4;
/** How long an inventory may take in milliseconds: less than the time between two. */
const inventoryMs = 50_000;

/**
 * Opens the site that the file describes: reads its secrets and keys, waits for no network.
 * @throws SiteConfigError naming the key that is wrong or the file that can't be read
 */
export function openSite(configFile: string, deps: SiteDeps): Site {
  return openSiteOf(readSiteConfig(configFile), deps);
}

/** As `openSite`, from a config that was read before. @throws SiteConfigError */
export function openSiteOf(config: SiteConfig, deps: SiteDeps): Site {
  const key = loadSiteKey(deps.dataFolder);
  const reach = asking(config.bastion === undefined ? directReach() : throughBastion(config.bastion), deps.mayDial);
  const client = clientOf(config);
  const imported = new ImportedImages(deps.dataFolder);
  const hostKeys = new HostKeys(deps.dataFolder);
  const memory = { numbers: deps.numbers, hostKeys, neighbours: () => readNeighbours(deps.neighbourFile) };
  const pve = pveSite(config, new PveApi(client), { sshPublicKey: key.publicKey, reach, imported, ...memory });
  const learned = client.learnNodes(AbortSignal.timeout(10_000));
  const access = { reach, key, user: config.sshUser, hostKeys };
  const inventory = async (): Promise<Inventory> => {
    await learned;
    return takeInventory(pve, config.tokenId, AbortSignal.timeout(inventoryMs));
  };
  return {
    handlers: handlersOf(pve, { access, secrets: openerOf(deps) }, deps),
    inventory,
    ground: {
      pool: config.pool,
      storage: config.storage,
      bridges: Object.fromEntries(Object.entries(config.networks).map(([name, { bridge }]) => [name, bridge])),
    },
    look: async (image, signal) => {
      try {
        return await look(pve, image, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw decodePve(error);
      }
    },
    keep: keeping(pve, access),
    usage: async () => {
      const { first, last } = pve.vmids;
      const { guests } = await pve.facts.resources();
      return guests.filter(({ vmid }) => vmid >= first && vmid <= last).map(({ usage }) => usage);
    },
    preflight: async () => (await inventory()).problems,
    close: () => {
      client.close();
      reach.close();
      return Promise.resolve();
    },
  };
}

function keeping(pve: PveSite, access: GuestAccess): NonNullable<Site['keep']> {
  const { check, restart } = mendGuests(access);
  return {
    ...keepVms(pve),
    check,
    remedy: async (server, { address, health }, signal) => {
      const { units } = health.remedy;
      if (units.length > 0) await restart({ serverId: server.serverId, address }, units, signal);
      else await rebootVm(pve, server, signal);
    },
  };
}

/** Every connection to a server passes here, whoever makes it. */
const asking = (reach: Reach, mayDial: SiteDeps['mayDial']): Reach => ({
  dial: async (address, port, signal) => {
    mayDial(address);
    return reach.dial(address, port, signal);
  },
  close: () => reach.close(),
});

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

/** What a look over a site found. */
export interface SiteReport {
  /** Name of the cluster, or of the host that was asked. */
  readonly site: string;
  /** Empty when it can't be asked. */
  readonly hypervisorVersion: string;
  readonly findings: readonly Finding[];
}

/**
 * Looks over the site that the file describes, as its own token sees it: needs no identity and changes nothing.
 * @param dataFolder where imported images are listed
 * @throws SiteConfigError naming the key that is wrong or the file that can't be read
 */
export async function reportSite(configFile: string, dataFolder: string): Promise<SiteReport> {
  const config = readSiteConfig(configFile);
  if (config.bastion !== undefined) readNamed('bastion.keyFile', config.bastion.keyFile);
  const pinned = authorityFindings(readNamed('caFile', config.caFile), Date.now());
  const client = clientOf(config);
  try {
    const imported = new ImportedImages(dataFolder);
    const memory = { numbers: noNumbers, hostKeys: noHostKeys, neighbours: () => Promise.resolve('') };
    const pve = pveSite(config, new PveApi(client), { sshPublicKey: '', reach: directReach(), imported, ...memory });
    const { inventory, findings } = await lookOver(pve, config.tokenId, AbortSignal.timeout(inventoryMs));
    const { clusterName, hypervisorVersion } = inventory;
    return { site: clusterName === '' ? pve.name : clusterName, hypervisorVersion, findings: [...pinned, ...findings] };
  } finally {
    client.close();
  }
}

function clientOf(config: SiteConfig): PveClient {
  return new PveClient({
    urls: config.urls,
    nodes: config.nodes,
    tokenId: config.tokenId,
    tokenSecret: readNamed('tokenSecretFile', config.tokenSecretFile).trim(),
    ca: readNamed('caFile', config.caFile),
  });
}

function openerOf({ agentId, sealing, generatedSecret, seeSealedVersion }: SiteDeps): SecretOpener {
  return {
    agentId,
    get sealingKeys() {
      return sealing.privateKeys;
    },
    store: { generatedSecret, seeSealedVersion },
    nowSeconds: () => Date.now() / 1000,
  };
}

/** What a site has of the agent's own. */
interface OwnParts extends Pick<PveSite, 'sshPublicKey' | 'numbers' | 'hostKeys' | 'neighbours'> {
  readonly reach: Reach;
  readonly imported: ImportedImages;
}

/** For a site that is only looked at. */
const noNumbers: NumberMemory = {
  reserve: () => undefined,
  reservations: () => [],
  release: () => undefined,
  unwanted: () => [],
  keepUnwanted: () => undefined,
};

const noHostKeys: PveSite['hostKeys'] = { knows: () => false, accepts: () => false };

/** Empty on a host that has no such file, or does not let it be read. */
const readNeighbours = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

function pveSite(
  config: SiteConfig,
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
      return { ...imported.all(), ...config.images };
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
