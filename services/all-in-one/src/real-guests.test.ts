// The whole path on real guests: control plane, agent, QEMU, Debian, and what a curated template promises, asked from outside.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TruffleClient } from '@truffle/api';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { cutPower, listMachines, placesOf, readRecord, withGuestAgent } from '@truffle/qemu';
import { ensureImage, guestCache, whyNoGuests } from '@truffle/qemu/images';
import { testAgent, type TestAgent } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

const why = whyNoGuests();

describe.skipIf(why !== undefined)(`real guests${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let plane: ControlPlane;
  let agent: TestAgent;
  let client: TruffleClient;
  let machines: string;

  beforeAll(async () => {
    const image = await ensureImage('debian', {
      cacheFolder: guestCache(),
      say: (line) => void process.stderr.write(`${line}\n`),
    });
    plane = await startControlPlane('acme');
    ({ client } = plane.owner);
    machines = mkdtempSync(join(tmpdir(), 'truffle-vm-'));
    agent = await testAgent({ client, url: plane.host.url, orgId: plane.owner.orgId }, (folder) => {
      const path = join(folder, 'site.yaml');
      writeFileSync(
        path,
        `driver: qemu
folder: ${machines}
vmids: 20000-20099
images: { debian-12: { path: ${image} } }
networks: { lan: { first: 10.98.0.10, prefix: 24 } }
waits: { sshSeconds: 600, shutdownSeconds: 5 }
`,
      );
      return path;
    });
  }, 400_000);

  afterAll(async () => {
    await agent?.close();
    for (const name of machines === undefined ? [] : listMachines(machines)) await cutPower(join(machines, name));
    await plane?.close();
    if (machines !== undefined) rmSync(machines, { recursive: true, force: true });
  }, 60_000);

  /** How an operation ended, with its failure and steps for who reads a failed test. */
  async function endOf(operationId: string): Promise<string> {
    let said = 'nothing was said';
    for await (const { operation } of client.operations.watchOperation({ operationId }))
      if (operation !== undefined)
        said = `${OperationState[operation.state]} ${operation.failure?.message ?? ''} ${operation.failure?.logTail.join('\n') ?? ''}`;
    return said;
  }

  it('a load balancer answers from its web servers, and nothing is left when it is deleted', async () => {
    const { orgId, projectId } = plane.owner;
    const { templates } = await client.templates.listTemplates({ orgId, name: 'static-site' });
    const templateVersionId = templates[0]?.latestVersionId ?? '';
    const parameters = { webServers: 1, title: 'On real guests' };
    const spec = { name: 'site', agentId: agent.agentId, templateVersionId, parameters };
    const { cluster, operation } = await client.clusters.createCluster({ projectId, spec });
    await expect(endOf(operation?.id ?? '')).resolves.toMatch(/^SUCCEEDED/);
    const page = await pageFrom(machines, 'web', 'balancer');
    expect(page).toMatch(/^HTTP\/1\.1 200/);
    expect(page).toContain('<h1>On real guests</h1>');
    expect(page).toMatch(/<footer>site-web-1|<footer>.*web/);
    const { operation: deletion } = await client.clusters.deleteCluster({ clusterId: cluster?.id ?? '' });
    await expect(endOf(deletion?.id ?? '')).resolves.toMatch(/^SUCCEEDED/);
    expect(readdirSync(machines)).toEqual([]);
  }, 900_000);
});

/** What the web server behind the balancer is given when it asks the balancer as any other machine would. */
async function pageFrom(machines: string, client: string, server: string): Promise<string> {
  const machineOf = (role: string) => {
    const folders = listMachines(machines).map((name) => join(machines, name));
    const found = folders.find((folder) => readRecord(folder)?.spec.name.includes(role));
    if (found === undefined) throw new Error(`there is no machine for ${role}`);
    return found;
  };
  const cards = await withGuestAgent(placesOf(machineOf(server)).agent, (agent) => agent.cards());
  const address = cards.flatMap((card) => card.addresses).find((each) => each.address.startsWith('10.98.'))?.address;
  const signal = AbortSignal.timeout(30_000);
  const ran = await withGuestAgent(placesOf(machineOf(client)).agent, (agent) =>
    agent.run('/usr/bin/curl', ['-sS', '-i', `http://${address ?? ''}/`], signal),
  );
  return ran.stdout || ran.stderr;
}
