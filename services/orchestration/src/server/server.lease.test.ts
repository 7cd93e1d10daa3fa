import { newId } from '@truffle/ids';
import { testDatabase, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tables } from '../cluster/cluster.table.ts';
import { orchestrationMigrations } from '../migrations.ts';
import { leaseVmids, releaseVmids } from './server.lease.repo.ts';
import { insertServers, serversOf } from './server.repo.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase([orchestrationMigrations]);
});

afterAll(async () => {
  await database?.close();
});

const orgId = newId('org');
const agentId = newId('agt');
const open = () => database.open<Tables>('svc_orchestration');

/** A cluster with servers that have no number yet. */
async function cluster(count: number): Promise<{ clusterId: string; serverIds: string[] }> {
  const clusterId = newId('clu');
  const projectId = newId('prj');
  const serverIds = Array.from({ length: count }, () => newId('srv'));
  await open().tenant(orgId, async (tx) => {
    const row = { org_id: orgId, id: clusterId, project_id: projectId, agent_id: agentId, name: clusterId };
    const template = { template_version_id: newId('tpv'), template_ref: 't@1', template: '{}', parameters: '{}' };
    await tx
      .insertInto('orchestration.cluster')
      .values({ ...row, ...template, secrets: '[]', generated: '[]', state: 'CREATING', quota_holder: clusterId })
      .execute();
    const each = serverIds.map((id, index) => ({
      org_id: orgId,
      project_id: projectId,
      cluster_id: clusterId,
      agent_id: agentId,
      id,
      name: `s-${index}`,
      role: 'web',
      index,
      state: 'PENDING' as const,
      vmid: null,
      node: 'pve1',
      image: 'debian-12',
      cpu: 1,
      memory_bytes: 1,
      disk_bytes: 1,
      networks: '[]',
    }));
    await insertServers(tx, each);
  });
  return { clusterId, serverIds };
}

const lease = (serverIds: readonly string[], last = 20_099) =>
  open().tenant(orgId, (tx) => leaseVmids(tx, agentId, { first: 20_000, last }, serverIds));

const numbersOf = async (clusterId: string): Promise<(number | null)[]> =>
  (await open().tenant(orgId, (tx) => serversOf(tx, clusterId))).map((each) => each.vmid);

describe('leased numbers', () => {
  it('point 4: are never given twice, however many clusters reserve at the same moment', async () => {
    const clusters = await Promise.all(Array.from({ length: 6 }, () => cluster(5)));
    const missing = await Promise.all(clusters.map(({ serverIds }) => lease(serverIds)));
    expect(missing).toEqual([0, 0, 0, 0, 0, 0]);
    const numbers = (await Promise.all(clusters.map(({ clusterId }) => numbersOf(clusterId)))).flat();
    expect(new Set(numbers).size).toBe(30);
  });

  it('point 4: stay with their servers when reserved again, and run out with a count', async () => {
    const { clusterId, serverIds } = await cluster(3);
    await lease(serverIds);
    const before = await numbersOf(clusterId);
    await lease(serverIds);
    expect(await numbersOf(clusterId)).toEqual(before);
    await open().tenant(orgId, (tx) => releaseVmids(tx, serverIds));
    const more = await cluster(100);
    expect(await lease(more.serverIds)).toBe(30);
  });
});
