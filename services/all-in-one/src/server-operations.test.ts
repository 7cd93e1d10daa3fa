import { fromBinary } from '@bufbuild/protobuf';
import type { TruffleClient } from '@truffle/api';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import {
  AddressSource,
  ClusterState,
  PowerState,
  ServerState,
  type Server,
} from '@truffle/api/orchestration/v1/cluster';
import { OperationKind, OperationState, StepState, type Operation } from '@truffle/api/orchestration/v1/operation';
import { ImportState } from '@truffle/api/orchestration/v1/image_service';
import { OrphanState } from '@truffle/api/orchestration/v1/orphan_service';
import { eventsOrdered, testSite, until, type TestSite } from '@truffle/testkit';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { source } from './contract.fixture.ts';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

const gib = 1024n ** 3n;

let plane: ControlPlane;
let site: TestSite;
let client: TruffleClient;
let orgId = '';
let projectId = '';
let serverId = '';
let clusterId = '';

beforeAll(async () => {
  plane = await startControlPlane('acme');
  ({ client, orgId, projectId } = plane.owner);
  site = await testSite({ client, url: plane.host.url, orgId, siteConfig: 'importStorage: shared\n' });
  ({ clusterId } = await create('box', 'vm'));
  serverId = (await client.servers.listServers({ clusterId })).servers[0]?.id ?? '';
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

async function create(name: string, template: string): Promise<{ clusterId: string; operationId: string }> {
  const { cluster, operation } = await begin(name, template);
  await succeeded(operation);
  return { clusterId: cluster?.id ?? '', operationId: operation?.id ?? '' };
}

async function begin(name: string, template: string) {
  const { templates } = await client.templates.listTemplates({ orgId, name: template });
  const spec = { name, agentId: site.agentId, templateVersionId: templates[0]?.latestVersionId ?? '' };
  return client.clusters.createCluster({ projectId, spec });
}

async function ended(started: Operation | undefined): Promise<Operation> {
  let last = started;
  for await (const { operation } of client.operations.watchOperation({ operationId: started?.id ?? '' }))
    last = operation ?? last;
  if (last === undefined) throw new Error('the watch said nothing');
  return last;
}

async function succeeded(started: Operation | undefined): Promise<Operation> {
  const operation = await ended(started);
  const steps = operation.steps.map((s) => [s.key, StepState[s.state], s.detail]);
  expect(OperationState[operation.state], JSON.stringify({ failure: operation.failure, steps }, undefined, 1)).toBe(
    'SUCCEEDED',
  );
  return operation;
}

async function server(id = serverId): Promise<Server> {
  const found = (await client.servers.getServer({ serverId: id })).server;
  if (found === undefined) throw new Error('the server is not there');
  return found;
}

async function vm(id = serverId) {
  const found = site.simulator.cluster.vms.get((await server(id)).vmid);
  if (found === undefined) throw new Error('the VM is not there');
  return found;
}

const stop = async () => (await client.servers.stopServer({ serverId })).operation;
const start = async () => (await client.servers.startServer({ serverId })).operation;

/** A stop that waits for an agent that is away, cancelled: an operation that can be retried and undone. */
async function cancelledStop(): Promise<string> {
  await site.killAgent();
  const operationId = (await stop())?.id ?? '';
  await client.operations.cancelOperation({ operationId });
  expect(OperationState[(await ended({ id: operationId } as Operation)).state]).toBe('CANCELLED');
  await site.startAgent();
  return operationId;
}

describe('a server', { timeout: 90_000 }, () => {
  it('is stopped, stays so, and is started by nobody but who says so', async () => {
    const stopped = await succeeded(await stop());
    expect(OperationKind[stopped.kind]).toBe('STOP_SERVER');
    expect(stopped.steps.map((s) => s.key)).toEqual(['server/box-vm-0/stop']);
    expect(await server()).toMatchObject({ power: PowerState.STOPPED, state: ServerState.READY });
    await site.killAgent();
    await site.startAgent();
    await succeeded((await client.servers.resizeServer({ serverId, cpu: 2, allowRestart: true })).operation);
    expect((await vm()).running).toBeUndefined();
    expect((await client.clusters.getCluster({ clusterId })).cluster).toMatchObject({
      state: ClusterState.READY,
      operationId: '',
    });
    await succeeded(await start());
    expect((await vm()).running).toBeDefined();
    expect(await server()).toMatchObject({
      power: PowerState.RUNNING,
      cpu: 2,
      addressSource: AddressSource.GUEST_AGENT,
    });
  });

  it('takes operations as fast as they end, without waiting for a sweep', async () => {
    const began = performance.now();
    for (let round = 0; round < 3; round++) {
      await succeeded(await stop());
      await succeeded(await start());
    }
    expect(performance.now() - began).toBeLessThan(12_000);
  });

  it('is put back to a snapshot with the size that it had then', async () => {
    const before = await server();
    await succeeded((await client.snapshots.createSnapshot({ serverId })).operation);
    const [snapshot] = (await client.snapshots.listSnapshots({ serverId })).snapshots;
    expect(snapshot?.name).toMatch(/^tf-cmd_/);
    expect(Object.keys((await vm()).snapshots)).toEqual([snapshot?.name]);
    const wanted = { cpu: 3, memoryBytes: 2n * gib, diskBytes: 20n * gib, allowRestart: true };
    await succeeded((await client.servers.resizeServer({ serverId, ...wanted })).operation);
    expect(await server()).toMatchObject({ cpu: 3, memoryBytes: 2n * gib, diskBytes: 20n * gib });
    expect((await vm()).config).toMatchObject({ cores: '3', memory: '2048' });

    const name = snapshot?.name ?? '';
    await succeeded((await client.snapshots.rollbackServer({ serverId, snapshot: name })).operation);
    const { cpu, memoryBytes, diskBytes } = before;
    expect(await server()).toMatchObject({ cpu, memoryBytes, diskBytes, power: PowerState.RUNNING });
    expect((await vm()).config['cores']).toBe(String(cpu));
    await succeeded((await client.snapshots.deleteSnapshot({ serverId, snapshot: name })).operation);
    expect((await client.snapshots.listSnapshots({ serverId })).snapshots).toEqual([]);
    expect((await vm()).snapshots).toEqual({});
  });

  it('is moved to another node', async () => {
    const { node } = await server();
    const targetNode = node === 'pve2' ? 'pve3' : 'pve2';
    await succeeded((await client.servers.migrateServer({ serverId, targetNode })).operation);
    expect((await server()).node).toBe(targetNode);
    expect((await vm()).node).toBe(targetNode);
  });

  it('refuses what can not be, with a reason, and stores nothing', async () => {
    const { revision } = await server();
    const { operations: before } = await client.operations.listOperations({ projectId });
    const refused = (call: Promise<unknown>, what: RegExp) => expect(call).rejects.toThrow(what);
    const absent = `tf-cmd_${'0'.repeat(26)}`;
    await refused(client.servers.stopServer({ serverId, revision: revision - 1n }), /read it again/);
    await refused(client.servers.resizeServer({ serverId }), /must be given/);
    await refused(client.servers.resizeServer({ serverId, diskBytes: gib }), /only grows/);
    await refused(client.servers.resizeServer({ serverId, memoryBytes: 4096n * gib }), /more memory on/);
    await refused(client.servers.migrateServer({ serverId, targetNode: 'nowhere' }), /no node nowhere/);
    await refused(client.snapshots.rollbackServer({ serverId, snapshot: absent }), /not found/);
    await refused(client.snapshots.deleteSnapshot({ serverId, snapshot: 'manual' }), /snapshot/);
    await site.killAgent();
    const headers = { 'idempotency-key': 'stop-once' };
    const first = await client.servers.stopServer({ serverId, revision }, { headers });
    const again = await client.servers.stopServer({ serverId, revision }, { headers });
    expect(again.operation?.id).toBe(first.operation?.id);
    await refused(client.servers.startServer({ serverId }), /is at work/);
    await refused(client.clusters.deleteCluster({ clusterId }), /is at work/);
    await client.operations.cancelOperation({ operationId: first.operation?.id ?? '' });
    await ended(first.operation);
    await site.startAgent();
    const { operations: after } = await client.operations.listOperations({ projectId });
    expect(after.length).toBe(before.length + 1);
    expect((await server()).power).toBe(PowerState.RUNNING);
  });

  it('takes a change again that was cancelled, or takes it back; not one that another came after', async () => {
    const retried = await cancelledStop();
    await succeeded((await client.operations.retryOperation({ operationId: retried })).operation);
    expect((await vm()).running).toBeUndefined();
    await expect(client.operations.retryOperation({ operationId: retried })).rejects.toThrow(/was changed since/);
    await expect(client.operations.undoOperation({ operationId: retried })).rejects.toThrow(/was changed since/);
    const undone = await cancelledStop();
    const undo = await succeeded((await client.operations.undoOperation({ operationId: undone })).operation);
    expect(OperationKind[undo.kind]).toBe('START_SERVER');
    expect((await vm()).running).toBeDefined();
  });

  it('stands as it was when a change fails, and an undo sees to it that nothing is left', async () => {
    const { vmid } = await server();
    const action = { kind: 'task-fails', text: 'snapshot feature is not available' } as const;
    const fault = site.simulator.faults.add({ task: 'qmsnapshot', vmid, times: null, action });
    const failed = await ended((await client.snapshots.createSnapshot({ serverId })).operation);
    site.simulator.faults.remove(fault);
    expect(OperationState[failed.state]).toBe('FAILED');
    expect(failed.failure?.message).toContain('box-vm-0: ');
    expect((await server()).state).toBe(ServerState.READY);
    expect((await client.clusters.getCluster({ clusterId })).cluster?.state).toBe(ClusterState.READY);
    expect((await client.snapshots.listSnapshots({ serverId })).snapshots).toEqual([]);
    const undo = await succeeded((await client.operations.undoOperation({ operationId: failed.id })).operation);
    expect(OperationKind[undo.kind]).toBe('DELETE_SNAPSHOT');
    expect((await vm()).snapshots).toEqual({});
  });

  it('holds no snapshot with memory against its having been stopped', async () => {
    await succeeded((await client.snapshots.createSnapshot({ serverId, includeMemory: true })).operation);
    const [snapshot] = (await client.snapshots.listSnapshots({ serverId })).snapshots;
    expect(snapshot?.includeMemory).toBe(true);
    await succeeded(await stop());
    const name = snapshot?.name ?? '';
    await expect(client.snapshots.rollbackServer({ serverId, snapshot: name })).rejects.toThrow(/start it first/);
    await succeeded(await start());
  });

  it('that was stopped half-made is not started by making the rest', async () => {
    const action = { kind: 'task-fails', text: 'got no worker upid' } as const;
    const fault = site.simulator.faults.add({ task: 'qmstart', times: null, action });
    const { cluster, operation } = await begin('half', 'vm');
    expect(OperationState[(await ended(operation)).state]).toBe('FAILED');
    site.simulator.faults.remove(fault);
    const [half] = (await client.servers.listServers({ clusterId: cluster?.id ?? '' })).servers;
    const id = half?.id ?? '';
    await succeeded((await client.servers.stopServer({ serverId: id })).operation);
    const retry = () => client.operations.retryOperation({ operationId: operation?.id ?? '' });
    await expect(retry()).rejects.toThrow(/truffle server start half-vm-0/);
    await succeeded((await client.servers.startServer({ serverId: id })).operation);
    await succeeded((await retry()).operation);
    expect((await server(id)).state).toBe(ServerState.READY);
  });

  it('leaves a trail of what was done', async () => {
    await eventsOrdered(plane.database, orgId);
    const { events } = await client.events.listEvents({ orgId, page: { size: 500 } });
    expect(events.map((e) => e.type)).toEqual(
      expect.arrayContaining(
        [
          'server.stopped',
          'server.started',
          'snapshot.made',
          'server.rolled_back',
          'snapshot.deleted',
          'server.resized',
          'server.migrated',
        ].map((name) => `dev.truffle.${name}.v1`),
      ),
    );
  });

  it('is told which nodes its fellows are on', async () => {
    const { operationId } = await create('spread', 'static-site');
    const { rows } = await plane.database.admin.query<{ payload: Buffer }>(
      `select payload from agent_gateway.command where operation_id = $1 and op = 'ensureServer'`,
      [operationId],
    );
    const told = rows.flatMap(({ payload }) => {
      const { op } = fromBinary(CommandPayloadSchema, payload);
      return op.case === 'ensureServer' ? [op.value] : [];
    });
    const [one, other] = told.filter((each) => each.name.includes('-web-'));
    expect(one?.avoidNodes).toEqual([other?.node]);
    expect(other?.avoidNodes).toEqual([one?.node]);
    expect(told.find((each) => each.name.includes('balancer'))?.avoidNodes).toEqual([]);
  });
});

describe('an image', { timeout: 60_000 }, () => {
  const url = 'https://images.example.com/debian-13.qcow2';
  /** The simulator takes the checksum of the address for that of what is behind it. */
  const sha256 = createHash('sha256').update(url).digest('hex');
  const ended = (image: string) =>
    until('the import to end', async () => {
      const found = (await client.images.getImageImport({ agentId: site.agentId, image })).import;
      return found?.endedAt === undefined ? undefined : found;
    });

  it('is imported, and servers are made from it', async () => {
    const wanted = { agentId: site.agentId, image: 'debian-13', url, sha256 };
    const { import: begun } = await client.images.importImage(wanted);
    expect(begun).toMatchObject({ state: ImportState.RUNNING, node: 'pve1' });
    await expect(client.images.importImage(wanted)).rejects.toThrow(/being imported/);
    expect(await ended('debian-13')).toMatchObject({ state: ImportState.SUCCEEDED, diskBytes: 3n * gib });
    expect(site.simulator.cluster.vms.get(begun?.vmid ?? 0)?.config['template']).toBe('1');
    await expect(client.images.importImage({ ...wanted, sha256: 'a'.repeat(64) })).rejects.toThrow(/other content/);
    // The inventory is told every minute, and at once by an agent that starts.
    await site.killAgent();
    await site.startAgent();
    await until('the image to be in the inventory', async () => {
      const { agent } = await client.agents.getAgent({ agentId: site.agentId });
      return agent?.inventory?.images.some((each) => each.name === 'debian-13');
    });
    const { version } = await client.templates.createTemplateVersion({
      orgId,
      source: source.replace('debian-12', 'debian-13'),
    });
    const spec = { name: 'newer', agentId: site.agentId, templateVersionId: version?.id ?? '' };
    await succeeded((await client.clusters.createCluster({ projectId, spec })).operation);
  });

  it('is taken in when it is there, though nobody asks', async () => {
    const wanted = { agentId: site.agentId, image: 'debian-16', url, sha256 };
    const { import: begun } = await client.images.importImage(wanted);
    const told = await until('the event', async () => {
      const { events } = await client.events.listEvents({ orgId, resourceId: site.agentId, page: { size: 200 } });
      return events.find(
        (each) => each.type === 'dev.truffle.image.imported.v1' && each.data?.['image'] === 'debian-16',
      );
    });
    expect(told.data?.['vmid']).toBe(begun?.vmid);
    const found = (await client.images.getImageImport({ agentId: site.agentId, image: 'debian-16' })).import;
    expect(found).toMatchObject({ state: ImportState.SUCCEEDED, diskBytes: 3n * gib });
  });

  it('that is not what was promised fails, and keeps its number for the next try', async () => {
    const wanted = { agentId: site.agentId, image: 'debian-14', url, sha256: 'a'.repeat(64) };
    const { import: begun } = await client.images.importImage(wanted);
    const failed = await ended('debian-14');
    expect(failed).toMatchObject({ state: ImportState.FAILED, vmid: begun?.vmid });
    expect(failed.failure?.reason).not.toBe('');
    expect((await client.images.importImage({ ...wanted, sha256 })).import?.vmid).toBe(begun?.vmid);
    expect(await ended('debian-14')).toMatchObject({ state: ImportState.SUCCEEDED });
    const told = client.images.importImage({ ...wanted, image: 'debian-15', node: 'nowhere' });
    await expect(told).rejects.toThrow(/no node nowhere/);
    const withPassword = client.images.importImage({ ...wanted, image: 'debian-15', url: 'https://me:pw@x.org/d' });
    await expect(withPassword).rejects.toThrow(/url/);
  });

  it.each([
    ['http://169.254.169.254/latest/meta-data', /url.*not a public/],
    ['https://10.0.0.5/debian.qcow2', /url.*not a public/],
    ['http://[::ffff:127.0.0.1]/debian.qcow2', /url.*not a public/],
    ['http://0x7f000001/debian.qcow2', /url.*not a public/],
    ['http://2130706433/debian.qcow2', /url.*not a public/],
    ['https://images.example.com:8006/debian.qcow2', /url.*port 8006/],
  ])('is not imported from %s, which is said at once', async (at, why) => {
    const wanted = { agentId: site.agentId, image: 'debian-17', url: at, sha256 };
    await expect(client.images.importImage(wanted)).rejects.toThrow(why);
    await expect(client.images.getImageImport({ agentId: site.agentId, image: 'debian-17' })).rejects.toThrow();
  });
});

describe('orphans', { timeout: 90_000 }, () => {
  it('are found by their proofs alone, keep their number, and are removed on demand', async () => {
    const gone = await create('gone', 'vm');
    const [was] = (await client.servers.listServers({ clusterId: gone.clusterId })).servers;
    const vmid = was?.vmid ?? 0;
    const backup = structuredClone(site.simulator.cluster.vms.get(vmid));
    await succeeded((await client.clusters.deleteCluster({ clusterId: gone.clusterId })).operation);
    const collect = async (remove = false) =>
      (await client.orphans.collectOrphans({ agentId: site.agentId, remove })).orphans;
    expect(await collect()).toEqual([]);
    if (backup === undefined) throw new Error('the VM was not there');
    // Restored from a backup, with its disks left out; beside it a VM of somebody else in our range.
    const { vms, pools } = site.simulator.cluster;
    const config = Object.fromEntries(Object.entries(backup.config).filter(([key]) => !/^(scsi|ide)\d/.test(key)));
    delete backup.running;
    vms.set(vmid, { ...backup, config });
    vms.set(29_999, { ...structuredClone(backup), vmid: 29_999, config: { name: 'theirs' } });
    for (const each of [vmid, 29_999]) pools.get('truffle')?.vms.add(each);
    expect(await collect()).toMatchObject([
      { vmid, serverId: was?.id, serverName: 'gone-vm-0', state: OrphanState.FOUND },
    ]);
    const { rows } = await plane.database.admin.query<{ vmid: number }>(
      'select vmid from orchestration.vmid_lease where orphan_seen_at is not null',
    );
    expect(rows).toEqual([{ vmid }]);
    expect(await collect(true)).toMatchObject([{ vmid, state: OrphanState.REMOVED }]);
    expect(await collect()).toEqual([]);
    expect([vms.has(vmid), vms.has(29_999)]).toEqual([false, true]);
    expect(await server()).toMatchObject({ state: ServerState.READY });
    await site.killAgent();
    await until('the agent to be missed', async () => {
      const { agent } = await client.agents.getAgent({ agentId: site.agentId });
      return agent?.state !== AgentState.ONLINE;
    });
    await expect(collect()).rejects.toThrow(/is not connected/);
  });
});
