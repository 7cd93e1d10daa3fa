import { CloneMode } from '@truffle/api/agent/v1/command';
import { describe, expect, it } from 'vitest';
import { commandId, ensureServer, type Fixture, grant, openFixture, tasksOf } from './site.fixture.ts';

const vmOf = ({ simulator }: Fixture, vmid = 20001) => simulator.cluster.vms.get(vmid);

/** Takes the image's disk off shared storage. */
function makeLocal({ simulator }: Fixture): void {
  const { vms, storages } = simulator.cluster;
  const template = vms.get(9000);
  const base = storages.volume('shared:9000/base-9000-disk-0.qcow2', 'pve1');
  if (template === undefined || base === undefined) throw new Error('there is no image');
  storages.add({ ...base, volid: 'local-lvm:base-9000-disk-0', storage: 'local-lvm', format: 'raw' }, 'pve1');
  template.config['scsi0'] = 'local-lvm:base-9000-disk-0,size=3G';
}

describe('the storage of a server', () => {
  it('is the image’s for a linked clone, and the site’s or the named one for a full one', async () => {
    await using fixture = await openFixture({}, 'storages: [local-lvm]\n');
    for (const [at, change] of [{}, { cloneMode: CloneMode.FULL }, { storage: 'local-lvm' }].entries()) {
      const { failure } = await fixture.run(commandId(), ensureServer(`web-${at}`, 20001 + at, change));
      expect(failure).toBeUndefined();
    }
    expect(vmOf(fixture, 20001)?.config['scsi0']).toContain('shared:9000/base-9000-disk-0.qcow2/20001/');
    expect(vmOf(fixture, 20002)?.config['scsi0']).toContain('shared:20002/vm-20002-disk-0.qcow2');
    expect(vmOf(fixture, 20003)?.config['scsi0']).toContain('local-lvm:vm-20003-disk-0');
  });

  it('is refused when the site does not offer it, or no linked clone can lie on it', async () => {
    await using fixture = await openFixture({}, 'storages: [local-lvm]\n');
    const reasonOf = async (change: Parameters<typeof ensureServer>[2]) =>
      (await fixture.run(commandId(), ensureServer('web', 20001, change))).failure?.reason;
    expect(await reasonOf({ storage: 'ceph' })).toBe('SITE_NOT_OFFERED');
    expect(await reasonOf({ storage: 'local-lvm', cloneMode: CloneMode.LINKED })).toBe('PVE_LINKED_ELSEWHERE');
    expect(await reasonOf({ tags: ['Not A Tag'] })).toBe('SITE_TAG_REFUSED');
    expect(tasksOf(fixture, 'qmclone')).toBe(0);
  });
});

describe('the node of a server', () => {
  it('is the wanted one, by a clone that the image’s node makes', async () => {
    await using fixture = await openFixture();
    const { failure } = await fixture.run(commandId(), ensureServer('web', 20001, { node: 'pve3' }));
    expect(failure).toBeUndefined();
    expect(vmOf(fixture)?.node).toBe('pve3');
    const clone = [...fixture.simulator.cluster.tasks.byUpid.values()].find((task) => task.parts.type === 'qmclone');
    expect(clone?.parts.node).toBe('pve1');
  });

  it('is another one when that is down, away from its fellows where there is room', async () => {
    await using fixture = await openFixture();
    const down = fixture.simulator.cluster.nodes.get('pve2');
    if (down !== undefined) down.online = false;
    const change = { node: 'pve2', avoidNodes: ['pve1'] };
    expect((await fixture.run(commandId(), ensureServer('web-1', 20001, change))).failure).toBeUndefined();
    expect(vmOf(fixture)?.node).toBe('pve3');
    const crowded = { node: 'pve2', avoidNodes: ['pve1', 'pve3'] };
    expect((await fixture.run(commandId(), ensureServer('web-2', 20002, crowded))).failure).toBeUndefined();
    expect(['pve1', 'pve3']).toContain(vmOf(fixture, 20002)?.node);
  });

  it('is the image’s own when its disk is local, and refused with the reason when the storage is not there', async () => {
    await using fixture = await openFixture({}, 'storages: [local-lvm, pve2-only]\n');
    makeLocal(fixture);
    const { storages } = fixture.simulator.cluster;
    const local = storages.get('local-lvm');
    storages.byName.set('pve2-only', { ...local, storage: 'pve2-only', nodes: ['pve2'] });
    const { failure } = await fixture.run(commandId(), ensureServer('web-1', 20001, { node: 'pve3' }));
    expect(failure).toBeUndefined();
    expect(vmOf(fixture)?.node).toBe('pve1');
    const change = { node: 'pve2', storage: 'pve2-only' };
    const refused = await fixture.run(commandId(), ensureServer('web-2', 20002, change));
    expect(refused.failure?.reason).toBe('PVE_LOCAL_STORAGE');
    expect(refused.failure?.remedy).toContain('pve1');
  });

  it('is asked of nobody once the server is there: its image may be gone and the planned node down', async () => {
    await using fixture = await openFixture();
    await fixture.run(commandId(), ensureServer('web', 20001));
    fixture.simulator.cluster.vms.delete(9000);
    const planned = fixture.simulator.cluster.nodes.get('pve2');
    if (planned !== undefined) planned.online = false;
    const { failure } = await fixture.run(commandId(), ensureServer('web', 20001, { node: 'pve2' }));
    expect(failure).toBeUndefined();
    expect(tasksOf(fixture, 'qmclone')).toBe(1);
  });

  it('shows its tags beside those of the image, and its pool', async () => {
    await using fixture = await openFixture();
    const template = vmOf(fixture, 9000);
    if (template !== undefined) template.config['tags'] = 'golden';
    await fixture.run(commandId(), ensureServer('web', 20001, { tags: ['team-a'] }));
    const tags = (vmOf(fixture)?.config['tags'] ?? '').split(';');
    expect(tags).toEqual(expect.arrayContaining(['golden', 'team-a', 'truffle']));
    expect(fixture.simulator.cluster.pools.get('truffle')?.vms.has(20001)).toBe(true);
  });
});

describe('the networks of a server', () => {
  const two =
    'networks:\n  lan: { bridge: vmbr0 }\n  back: { bridge: vmbr0, vlan: 7, static: { first: 10.77.0.10, prefix: 16, gateway: 10.77.0.1 } }\n';

  it('are its cards in the order of the template, each on its bridge and VLAN', async () => {
    await using fixture = await openFixture({}, two);
    grant(fixture.simulator, '/sdn/zones/localnetwork/vmbr0/7', ['SDN.Use']);
    const change = { networks: ['lan', 'back'] };
    expect((await fixture.run(commandId(), ensureServer('web', 20001, change))).failure).toBeUndefined();
    const config = vmOf(fixture)?.config ?? {};
    expect(config['net0']).toMatch(/bridge=vmbr0$/);
    expect(config['net1']).toMatch(/bridge=vmbr0,tag=7$/);
    expect([config['ipconfig0'], config['ipconfig1']]).toEqual(['ip=dhcp', 'ip=10.77.0.11/16,gw=10.77.0.1']);
    const cards = [config['net0'], config['net1']].map((card) => /=([0-9A-F:]{17})/.exec(card ?? '')?.[1]);
    expect(new Set(cards).size).toBe(2);
  });

  it('are refused when the site offers no such network, or the token may not use its VLAN', async () => {
    await using fixture = await openFixture({}, two);
    const { access } = fixture.simulator.cluster;
    const unknown = await fixture.run(commandId(), ensureServer('web', 20001, { networks: ['dmz'] }));
    expect(unknown.failure?.reason).toBe('SITE_NOT_OFFERED');
    expect(unknown.failure?.cause).toContain('lan, back');
    expect(tasksOf(fixture, 'qmclone')).toBe(0);
    access.acl = access.acl.filter((entry) => !entry.path.startsWith('/sdn'));
    grant(fixture.simulator, '/sdn/zones/localnetwork/vmbr0', ['SDN.Use']);
    for (const entry of access.acl) if (entry.path.startsWith('/sdn')) entry.propagate = false;
    const barred = await fixture.run(commandId(), ensureServer('web', 20001, { networks: ['lan', 'back'] }));
    expect(barred.failure?.reason).toBe('PVE_PERMISSION');
    expect(barred.failure?.message).toContain('/sdn/zones/localnetwork/vmbr0/7');
  });
});

describe('the pool and the node of a server', () => {
  it('are left to the site and to high availability once it is there', async () => {
    await using fixture = await openFixture();
    const server = ensureServer('web', 20001, { node: 'pve2', tags: ['team-a'] });
    await fixture.run(commandId(), server);
    const vm = vmOf(fixture);
    if (vm !== undefined)
      Object.assign(vm, { node: 'pve3', config: { ...vm.config, tags: `${vm.config['tags']};theirs` } });
    const again = await fixture.run(commandId(), ensureServer('web', 20001, { node: 'pve2', avoidNodes: ['pve3'] }));
    expect(again.end.output?.output).toMatchObject({ value: { node: 'pve3' } });
    expect(vm?.config['tags']?.split(';')).toEqual(expect.arrayContaining(['team-a', 'theirs', 'truffle']));
    expect(tasksOf(fixture, 'qmigrate')).toBe(0);
  });
});
