import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutPower, listMachines } from '@truffle/qemu';
import { testAgent } from '@truffle/testkit';
import { provesTemplates, type OpenSite } from './real-guests.fixture.ts';

/** The agent runs QEMU itself. */
const openQemu: OpenSite = async ({ owner, host }, image) => {
  const machines = mkdtempSync(join(tmpdir(), 'truffle-vm-'));
  const config = `driver: qemu
folder: ${machines}
vmids: 20000-20099
images: { debian-12: { path: ${image} } }
networks: { lan: { first: 10.98.0.10, prefix: 24 } }
waits: { sshSeconds: 600, shutdownSeconds: 30 }
`;
  const agent = await testAgent({ client: owner.client, url: host.url, orgId: owner.orgId }, (folder) => {
    const path = join(folder, 'site.yaml');
    writeFileSync(path, config);
    return path;
  });
  const close = async (): Promise<void> => {
    await agent.close();
    for (const name of listMachines(machines)) await cutPower(join(machines, name));
    rmSync(machines, { recursive: true, force: true });
  };
  return { agentId: agent.agentId, machines, close };
};

provesTemplates('of QEMU', openQemu);
