import type { Site, SiteDeps } from '../command/site.ts';
import type { GuestAccess } from '../guest/connection.ts';
import { HostKeys } from '../guest/host-keys.ts';
import { mendGuests } from '../guest/mend.ts';
import type { Reach } from '../guest/reach.ts';
import type { SecretOpener } from '../guest/secrets.ts';
import { loadSiteKey } from '../guest/site-key.ts';
import { openPve, pveReach, reportPve } from '../pve/driver.ts';
import { openQemu, qemuReach, reportQemu } from '../qemu/driver.ts';
import { readSiteConfig, type SiteConfig } from './config.ts';
import type { Driver, SiteReport } from './driver.ts';
import { handlersOf } from './handlers.ts';

/**
 * Opens the site that the file describes: reads its secrets and keys, waits for no network.
 * @throws SiteConfigError naming the key that is wrong or the file that can't be read, DriverIncomplete
 */
export function openSite(configFile: string, deps: SiteDeps): Site {
  return openSiteOf(readSiteConfig(configFile), deps);
}

/** As `openSite`, from a config that was read before. @throws SiteConfigError, DriverIncomplete */
export function openSiteOf(config: SiteConfig, deps: SiteDeps): Site {
  const key = loadSiteKey(deps.dataFolder);
  const patience = config.driver === 'qemu' ? { loginMs: config.waits.loginMs } : {};
  const entry = { key, user: config.sshUser, hostKeys: new HostKeys(deps.dataFolder), ...patience };
  const reach = asking(config.driver === 'pve' ? pveReach(config) : qemuReach(config, entry), deps.mayDial);
  const own = { reach, sshPublicKey: key.publicKey, hostKeys: entry.hostKeys };
  const driver = config.driver === 'pve' ? openPve(config, own, deps) : openQemu(config, own, deps);
  const access = { reach, ...entry };
  return {
    handlers: handlersOf(driver, { access, secrets: openerOf(deps) }, deps),
    inventory: driver.inventory,
    ground: driver.ground,
    look: driver.look,
    keep: keeping(driver, access),
    usage: driver.usage,
    preflight: async () => (await driver.inventory()).problems,
    close: () => {
      driver.close();
      reach.close();
      return Promise.resolve();
    },
  };
}

function keeping({ keep }: Driver, access: GuestAccess): NonNullable<Site['keep']> {
  const { check, restart } = mendGuests(access);
  return {
    look: (server, signal) => keep.look(server, signal),
    start: (server, signal) => keep.start(server, signal),
    check,
    remedy: async (server, { address, health }, signal) => {
      const { units } = health.remedy;
      if (units.length > 0) await restart({ serverId: server.serverId, address }, units, signal);
      else await keep.reboot(server, signal);
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

/**
 * Looks over the site that the file describes, with the rights of its own user or token: needs no identity and changes nothing.
 * @param dataFolder where imported images are listed
 * @throws SiteConfigError naming the key that is wrong or the file that can't be read
 */
export function reportSite(configFile: string, dataFolder: string): Promise<SiteReport> {
  const config = readSiteConfig(configFile);
  return config.driver === 'pve' ? reportPve(config, dataFolder) : reportQemu(config, dataFolder);
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
