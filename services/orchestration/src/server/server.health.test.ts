import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { HealthState } from '@truffle/api/orchestration/v1/cluster';
import { NoteServerHealthRequestSchema } from '@truffle/api/orchestration/v1/server_health_service';
import { eventType, type LedgerTables } from '@truffle/database';
import { newId } from '@truffle/ids';
import { testDatabase, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Tables } from '../cluster/cluster.table.ts';
import { orchestrationMigrations } from '../migrations.ts';
import { noteServerHealth } from './server.health.ts';
import { findServer, insertServers, updateServers } from './server.repo.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase([orchestrationMigrations]);
});

afterAll(async () => {
  await database?.close();
});

const [orgId, projectId, clusterId, agentId, id] = [
  newId('org'),
  newId('prj'),
  newId('clu'),
  newId('agt'),
  newId('srv'),
];
const open = () => database.open<Tables>('svc_orchestration');

const say = (health: HealthState, at: number, detail = '', agent = agentId) => {
  const said = { serverId: id, agentId: agent, health, detail, time: timestampFromMs(at) };
  return noteServerHealth(open(), orgId, 'req_test', create(NoteServerHealthRequestSchema, said));
};
const shown = async () => {
  const row = await open().tenant(orgId, (tx) => findServer(tx, id));
  return [row?.health, row?.health_detail];
};
const work = (state: 'DEPLOYING' | 'READY') => open().tenant(orgId, (tx) => updateServers(tx, [{ id, state }]));

it('is shown until the server is worked on; only the newest word of its own agent counts, once', async () => {
  await open().tenant(orgId, async (tx) => {
    const row = { org_id: orgId, id: clusterId, project_id: projectId, agent_id: agentId, name: 'c' };
    const template = { template_version_id: newId('tpv'), template_ref: 't@1', template: '{}', parameters: '{}' };
    await tx
      .insertInto('orchestration.cluster')
      .values({ ...row, ...template, secrets: '[]', generated: '[]', state: 'READY', quota_holder: 'q' })
      .execute();
    const server = {
      org_id: orgId,
      project_id: projectId,
      cluster_id: clusterId,
      agent_id: agentId,
      id,
      name: 'c-web-0',
    };
    const size = { cpu: 1, memory_bytes: 1, disk_bytes: 1, networks: '[]', image: 'debian-12' };
    await insertServers(tx, [{ ...server, ...size, role: 'web', index: 0, state: 'READY', vmid: 1, node: 'pve1' }]);
  });
  expect(await shown()).toEqual([null, '']);
  for (let twice = 0; twice < 2; twice++) await say(HealthState.REMEDIED, 2_000, 'restarted nginx');
  await say(HealthState.UNHEALTHY, 1_000, 'an older word');
  await say(HealthState.UNHEALTHY, 3_000, 'of another agent', newId('agt'));
  expect(await shown()).toEqual(['REMEDIED', 'restarted nginx']);
  await say(HealthState.HEALTHY, 4_000);
  expect(await shown()).toEqual(['HEALTHY', '']);
  await work('DEPLOYING');
  await say(HealthState.UNHEALTHY, 5_000, 'while it is worked on');
  await work('READY');
  expect(await shown()).toEqual([null, '']);

  const events = await database
    .open<LedgerTables>('svc_ledger_reader')
    .tenant(orgId, (tx) =>
      tx.selectFrom('ledger.event').select(['type', 'resource_id', 'project_id', 'data']).orderBy('id').execute(),
    );
  expect(events.map(({ type }) => type)).toEqual([eventType('server.remedied'), eventType('server.healthy')]);
  expect(events[0]).toMatchObject({
    resource_id: id,
    project_id: projectId,
    data: { clusterId, after: { health: 'REMEDIED', detail: 'restarted nginx', name: 'c-web-0' } },
  });
});
