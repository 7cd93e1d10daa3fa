// The whole path on real guests: control plane, agent, machines, Debian, and what a template that ships promises, asked from another machine.
import { join } from 'node:path';
import type { TruffleClient } from '@truffle/api';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { findProcess, isSame, listMachines } from '@truffle/qemu';
import { ensureImage, ownShop, whyNoGuests } from '@truffle/qemu/images';
import { onGuest, whyNotHeavy } from '@truffle/testkit/guests';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

const why = whyNoGuests();
const heavy = await whyNotHeavy();
const deployMs = 15 * 60_000;

/** Opens a site of the owner's. `machines`: the folder of the machines that it runs. */
export type OpenSite = (
  plane: ControlPlane,
  image: string,
) => Promise<{ readonly agentId: string; readonly machines: string; close(): Promise<void> }>;

/** @param of what the site is made of, for the title */
export function provesTemplates(of: string, open: OpenSite): void {
  describe.skipIf(why !== undefined)(
    `real guests on a site ${of}${why === undefined ? '' : ` (skipped: ${why})`}`,
    () => {
      let plane: ControlPlane;
      let site: Awaited<ReturnType<OpenSite>>;
      let client: TruffleClient;

      beforeAll(async () => {
        const image = await ensureImage('debian', ownShop);
        plane = await startControlPlane('acme');
        ({ client } = plane.owner);
        site = await open(plane, image);
      }, 400_000);

      afterAll(async () => {
        await site?.close();
        await plane?.close();
      }, 60_000);

      /** Waits for an operation. @returns how it ended, with its failure for who reads a failed test */
      async function endOf(operationId: string): Promise<string> {
        let said = 'nothing was said';
        for await (const { operation } of client.operations.watchOperation({ operationId }))
          if (operation !== undefined)
            said = `${OperationState[operation.state]} ${operation.failure?.message ?? ''} ${operation.failure?.logTail.join('\n') ?? ''}`;
        return said;
      }

      /** Deploys a template as it ships. @returns the cluster's outputs by name, and how to delete it */
      async function deploy(template: string, parameters: Record<string, string | number>) {
        const { orgId, projectId } = plane.owner;
        const { templates } = await client.templates.listTemplates({ orgId, name: template });
        const templateVersionId = templates[0]?.latestVersionId ?? '';
        const spec = { name: template, agentId: site.agentId, templateVersionId, parameters };
        const { cluster, operation } = await client.clusters.createCluster({ projectId, spec });
        const clusterId = cluster?.id ?? '';
        await expect(endOf(operation?.id ?? '')).resolves.toMatch(/^SUCCEEDED/);
        const { cluster: ready } = await client.clusters.getCluster({ clusterId });
        const outputs = ready?.outputs ?? {};
        const remove = async (): Promise<void> => {
          const { operation: deletion } = await client.clusters.deleteCluster({ clusterId });
          await expect(endOf(deletion?.id ?? '')).resolves.toMatch(/^SUCCEEDED/);
        };
        return { outputs, remove };
      }

      const on = (server: string, script: string): Promise<string> => onGuest(site.machines, server, script);

      it(
        'a load balancer answers from its web server, and nothing is left when it is deleted',
        async () => {
          const { outputs, remove } = await deploy('static-site', { webServers: 1, title: 'On real guests' });
          const page = await on('static-site-web-0', `curl -sSi ${outputs['url'] ?? ''}`);
          expect(page).toMatch(/^HTTP\/1\.1 200/);
          expect(page).toContain('<h1>On real guests</h1>');
          expect(page).toContain('<footer>static-site-web-0</footer>');
          // Nobody is somebody else, wherever they were made from.
          const who = 'hostname; cat /etc/machine-id; cut -d " " -f 2 /etc/ssh/ssh_host_ed25519_key.pub';
          const said = await Promise.all(['web-0', 'balancer-0'].map((name) => on(`static-site-${name}`, who)));
          expect(new Set(said.flatMap((text) => text.trim().split('\n'))).size).toBe(6);
          const processes = listMachines(site.machines).flatMap((name) => findProcess(join(site.machines, name)) ?? []);
          expect(processes).toHaveLength(2);
          await remove();
          await expect.poll(() => listMachines(site.machines)).toEqual([]);
          expect(processes.filter(isSame)).toEqual([]);
        },
        deployMs,
      );

      it.skipIf(heavy !== undefined)(
        `a row written to the primary is read from the replica${heavy === undefined ? '' : ` (skipped: ${heavy})`}`,
        async () => {
          const { outputs, remove } = await deploy('postgres', { replicas: 1 });
          const psql = 'cd /; runuser -u postgres -- psql -Atqd app -c';
          await on('postgres-primary-0', `${psql} "CREATE TABLE note AS SELECT 'written' AS text"`);
          await expect
            .poll(() => on('postgres-replica-0', `${psql} 'SELECT text FROM note'`), { timeout: 30_000 })
            .toBe('written\n');
          // Whoever is on the network reads it with the password only.
          const url = `postgres://app@${outputs['replicas'] ?? ''}:5432/app`;
          await expect(on('postgres-primary-0', `psql -w '${url}' -c 'SELECT 1'`)).rejects.toThrow(
            'no password supplied',
          );
          await remove();
          await expect.poll(() => listMachines(site.machines)).toEqual([]);
        },
        deployMs,
      );
    },
  );
}
