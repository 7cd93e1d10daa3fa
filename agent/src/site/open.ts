import { readFileSync } from 'node:fs';
import type { Inventory } from '@truffle/api/agent/v1/agent';
import type { CommandHandler } from '../command/effect.ts';
import { awaitSsh } from '../guest/banner.ts';
import { HostKeys } from '../guest/host-keys.ts';
import { bastionReach, directReach, type Reach } from '../guest/reach.ts';
import type { SecretOpener } from '../guest/secrets.ts';
import { loadSiteKey } from '../guest/site-key.ts';
import { PveApi } from '../pve/api.ts';
import { PveClient } from '../pve/client.ts';
import { Facts } from '../pve/facts.ts';
import { Semaphores } from '../pve/semaphore.ts';
import type { PveSite } from '../pve/site.ts';
import { type SiteConfig, type BastionConfig } from './config.ts';
import { handlersOf } from './handlers.ts';
import { takeInventory } from './inventory.ts';
import { SiteConfigError } from './reader.ts';

/** What a site is opened with. */
export interface SiteDeps {
  /** The agent's own folder: the guests' SSH key and pinned host keys live there. */
  readonly dataDir: string;
  readonly secrets: SecretOpener;
}

/** An open site. */
export interface Site {
  readonly handlers: readonly CommandHandler[];
  /** What the site has, with what is wrong as `problems`. Takes seconds at most; a site that is down gives problems, no throw. */
  inventory(signal: AbortSignal): Promise<Inventory>;
  /** Only what is wrong; empty when the site is ready. */
  preflight(signal: AbortSignal): Promise<readonly string[]>;
  close(): void;
}

/**
 * Opens a site: reads its secrets and keys, touches no network.
 * @throws SiteConfigError when a file that the config names can't be read
 */
export function openSite(config: SiteConfig, deps: SiteDeps): Site {
  const key = loadSiteKey(deps.dataDir);
  const hostKeys = new HostKeys(deps.dataDir);
  const reach = config.bastion === undefined ? directReach() : throughBastion(config.bastion);
  const client = new PveClient({
    urls: config.urls,
    tokenId: config.tokenId,
    tokenSecret: readNamed('tokenSecretFile', config.tokenSecretFile).trim(),
    ca: readNamed('caFile', config.caFile),
  });
  const pve = pveSite(config, new PveApi(client), key.publicKey, reach);
  const learned = client.learnNodes(AbortSignal.timeout(10_000));
  const access = { reach, key, user: config.sshUser, hostKeys };
  const inventory = async (signal: AbortSignal): Promise<Inventory> => {
    await learned;
    return takeInventory(pve, config.tokenId, signal);
  };
  return {
    handlers: handlersOf(pve, { access, secrets: deps.secrets }),
    inventory,
    preflight: async (signal) => (await inventory(signal)).problems,
    close: () => {
      client.close();
      reach.close();
    },
  };
}

function pveSite(config: SiteConfig, api: PveApi, sshPublicKey: string, reach: Reach): PveSite {
  const { pool, storage, clone, vmids, images, networks, sshUser, waits, limits } = config;
  return {
    api,
    facts: new Facts(api),
    pool,
    storage,
    clone,
    vmids,
    images,
    networks,
    sshUser,
    sshPublicKey,
    perTemplate: new Semaphores(limits.clonesPerTemplate),
    perStorage: new Semaphores(limits.clonesPerStorage),
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
