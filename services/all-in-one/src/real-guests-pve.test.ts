import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readImage } from '@truffle/qemu';
import { ensureSuspended, ownShop, usualShape } from '@truffle/qemu/images';
import { testSite } from '@truffle/testkit';
import { provesTemplates, type OpenSite } from './real-guests.fixture.ts';

/** The agent speaks to Proxmox VE's API, simulated, and each VM behind it is a machine that goes on from a suspended one. */
const openPve: OpenSite = async ({ owner, host }, image) => {
  await ensureSuspended(readImage(image), usualShape, ownShop);
  const stateDir = mkdtempSync(join(tmpdir(), 'truffle-pve-'));
  const { client, orgId } = owner;
  const simulator = { guestImage: image, stateDir };
  const siteConfig = 'waits: { sshSeconds: 600, addressSeconds: 600 }\n';
  const site = await testSite({ client, url: host.url, orgId, simulator, siteConfig });
  const close = async (): Promise<void> => {
    await site.close();
    rmSync(stateDir, { recursive: true, force: true });
  };
  return { agentId: site.agentId, machines: join(stateDir, 'vm'), close };
};

provesTemplates('of Proxmox VE, simulated', openPve);
