import { Effect, Outcome } from '@truffle/api/agent/v1/command';
import { deriveId, smbiosUuidOf } from '@truffle/ids';
import { describe, expect, it } from 'vitest';
import { CommandStopped } from '../command/effect.ts';
import {
  commandId,
  Crash,
  deleteServer,
  ensureServer,
  type Fixture,
  openFixture,
  orgId,
  tasksOf,
} from './site.fixture.ts';

const observed = (end: { output?: { output: { case?: string; value?: unknown } } }) =>
  end.output?.output.value as { node: string; vmid: number; address: string; mac: string };

const clones = (fixture: Fixture): number => tasksOf(fixture, 'qmclone');

describe('EnsureServer', () => {
  it('makes a server as specified, up and addressed, and run twice finds it', async () => {
    await using fixture = await openFixture();
    const id = commandId();
    const first = await fixture.run(id, ensureServer('web-1', 20001, { cpu: 4 }));
    expect(first.failure).toBeUndefined();
    expect(first.end.effect).toBe(Effect.FULL);
    const { address, mac, node } = observed(first.end);
    expect(node).toBe('pve1');
    expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const vm = fixture.simulator.cluster.vms.get(20001);
    expect(vm?.config).toMatchObject({
      name: 'web-1',
      cores: '4',
      memory: '1024',
      onboot: '1',
      ciuser: 'truffle',
      ipconfig0: 'ip=dhcp',
      description: `truffle:${orgId}/${deriveId('srv', 'web-1')}/${id}`,
    });
    expect(vm?.config['smbios1']).toContain(`uuid=${smbiosUuidOf(deriveId('srv', 'web-1'))}`);
    expect(vm?.config['scsi0']).toContain('size=8G');
    expect(vm?.config['net0']?.toLowerCase()).toContain(mac);
    expect(vm?.config['lock']).toBeUndefined();
    expect(vm?.running).toBeDefined();

    const again = await fixture.run(id, ensureServer('web-1', 20001, { cpu: 4 }));
    expect(observed(again.end).address).toBe(address);
    expect(clones(fixture)).toBe(1);
  });

  it('survives a crash at each point, and makes nothing twice', async () => {
    await using fixture = await openFixture();
    let crashes = 0;
    for (let crashAt = 1; ; crashAt++) {
      const vmid = 20100 + crashAt;
      const payload = ensureServer(`crash-${crashAt}`, vmid);
      const id = commandId();
      const before = fixture.simulator.cluster.vms.size;
      let crashed = false;
      try {
        await fixture.run(id, payload, { crashAt });
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        crashed = true;
      }
      if (!crashed) break;
      crashes += 1;
      const { end, failure } = await fixture.run(id, payload);
      expect(failure).toBeUndefined();
      expect(end.outcome).toBe(Outcome.SUCCEEDED);
      expect(fixture.simulator.cluster.vms.size).toBe(before + 1);
    }
    expect(crashes).toBe(11);
    expect(clones(fixture)).toBe(crashes + 1);
  }, 60_000);

  it('goes on after one crash after another', async () => {
    await using fixture = await openFixture();
    const id = commandId();
    const payload = ensureServer('flaky', 20001);
    for (let crashAt = 1; ; crashAt++) {
      try {
        const { failure } = await fixture.run(id, payload, { crashAt: Math.ceil(crashAt / 2) });
        expect(failure).toBeUndefined();
        break;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
    }
    expect(clones(fixture)).toBe(1);
    expect(fixture.simulator.cluster.vms.has(20001)).toBe(true);
  });

  it('tries again when the hypervisor could not start a task or timed out on a lock', async () => {
    await using fixture = await openFixture();
    const { faults } = fixture.simulator;
    const clonePath = '/nodes/[^/]+/qemu/\\d+/clone';
    faults.add({
      method: 'POST',
      path: clonePath,
      action: {
        kind: 'error',
        status: 500,
        reason: "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout",
      },
    });
    faults.add({
      task: 'qmclone',
      action: { kind: 'task-fails', text: "clone failed: cfs-lock 'storage-shared' error: got lock request timeout" },
    });
    faults.add({
      task: 'qmstart',
      action: { kind: 'task-fails', text: "can't lock file '/var/lock/qemu-server/lock-20001.conf' - got timeout" },
    });
    faults.add({
      task: 'resize',
      action: { kind: 'task-fails', text: "can't lock file '/var/lock/qemu-server/lock-20001.conf' - got timeout" },
    });
    faults.add({
      method: 'PUT',
      path: '/nodes/[^/]+/qemu/\\d+/config',
      action: { kind: 'error', status: 500, reason: 'checksum mismatch (file change by other user?)' },
    });
    const { failure } = await fixture.run(commandId(), ensureServer('patient', 20001));
    expect(failure).toBeUndefined();
    expect(faults.list().every((each) => each.struck === 1)).toBe(true);
    expect(fixture.simulator.cluster.vms.get(20001)?.config['scsi0']).toContain('size=8G');
  });

  it('makes fifty at once', async () => {
    await using fixture = await openFixture();
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, at) => fixture.run(commandId(), ensureServer(`many-${at}`, 20100 + at))),
    );
    expect(all.flatMap((each) => each.failure ?? [])).toEqual([]);
    expect(new Set(all.map((each) => observed(each.end).address)).size).toBe(50);
    expect(clones(fixture)).toBe(50);
  });

  it('ends as cancelled, and stops the clone that is at work', async () => {
    await using fixture = await openFixture({ cloneMs: 60_000 });
    const stop = new AbortController();
    const running = fixture.run(commandId(), ensureServer('stopped', 20001), { signal: stop.signal });
    await expect.poll(() => fixture.simulator.cluster.vms.get(20001)?.config['lock']).toBe('clone');
    stop.abort(new CommandStopped('cancelled'));
    const { end } = await running;
    expect(end).toMatchObject({ outcome: Outcome.CANCELLED, effect: Effect.PARTIAL });
  });

  it('refuses what the site does not offer before it touches anything', async () => {
    await using fixture = await openFixture();
    for (const change of [{ vmid: 100 }, { image: 'windows' }, { networks: ['dmz'] }]) {
      const { failure, end } = await fixture.run(commandId(), ensureServer('no', 20001, change));
      expect(failure?.reason).toMatch(/^SITE_/);
      expect(end.effect).toBe(Effect.NONE);
    }
    expect(clones(fixture)).toBe(0);
  });
});

describe('DeleteServer', () => {
  it('removes a server with its disks, and run again finds it gone', async () => {
    await using fixture = await openFixture();
    await fixture.run(commandId(), ensureServer('gone', 20001));
    const id = commandId();
    const first = await fixture.run(id, deleteServer('gone', 20001));
    expect(first.failure).toBeUndefined();
    expect(first.end.effect).toBe(Effect.FULL);
    expect(fixture.simulator.cluster.vms.has(20001)).toBe(false);
    expect([...fixture.simulator.cluster.storages.volumes.values()].some((each) => each.vmid === 20001)).toBe(false);
    expect((await fixture.run(id, deleteServer('gone', 20001))).end.outcome).toBe(Outcome.SUCCEEDED);
    const another = await fixture.run(commandId(), deleteServer('gone', 20001));
    expect(another.end).toMatchObject({ outcome: Outcome.SUCCEEDED, effect: Effect.NONE });
  });

  it('waits for a clone that is still at work, which it can’t see yet', async () => {
    await using fixture = await openFixture({ cloneMs: 8_000 });
    const crashed = fixture.run(commandId(), ensureServer('early', 20001), { crashAt: 3 });
    await expect(crashed).rejects.toThrow(Crash);
    await expect.poll(() => fixture.simulator.cluster.vms.get(20001)?.config['lock']).toBe('clone');
    const { failure, end } = await fixture.run(commandId(), deleteServer('early', 20001));
    expect(failure).toBeUndefined();
    expect(end.effect).toBe(Effect.FULL);
    expect(fixture.simulator.cluster.vms.has(20001)).toBe(false);
  });

  it('survives a crash at each point', async () => {
    await using fixture = await openFixture();
    for (let crashAt = 1; crashAt <= 5; crashAt++) {
      await fixture.run(commandId(), ensureServer('again', 20001));
      const id = commandId();
      await expect(fixture.run(id, deleteServer('again', 20001), { crashAt })).rejects.toThrow(Crash);
      expect((await fixture.run(id, deleteServer('again', 20001))).failure).toBeUndefined();
      expect(fixture.simulator.cluster.vms.has(20001)).toBe(false);
    }
  });

  it('refuses a foreign VM and one whose UUID is not the server’s', async () => {
    await using fixture = await openFixture();
    await fixture.run(commandId(), ensureServer('theirs', 20001));
    const foreign = await fixture.run(commandId(), deleteServer('ours', 20001));
    expect(foreign.failure?.reason).toBe('PVE_CONFLICT');
    const other = await fixture.run(
      commandId(),
      deleteServer('theirs', 20001, { smbiosUuid: smbiosUuidOf(deriveId('srv', 'x')) }),
    );
    expect(other.failure?.reason).toBe('PVE_CONFLICT');
    expect(fixture.simulator.cluster.vms.get(20001)?.running).toBeDefined();
  });
});

describe('an inventory', () => {
  it('lists what templates may name, and no problems on a site that is ready', async () => {
    await using fixture = await openFixture();
    const inventory = await fixture.site.inventory();
    expect(inventory.problems).toEqual([]);
    expect(inventory.nodes.map((node) => node.name)).toEqual(['pve1', 'pve2', 'pve3']);
    expect(inventory.nodes.every((node) => node.online && node.memoryBytes > 0n)).toBe(true);
    expect(inventory.images.map((image) => image.name)).toEqual(['debian-12', 'ubuntu-24.04']);
    expect(inventory.images[0]?.diskBytes).toBe(3n * 2n ** 30n);
    expect(inventory.storages.map((storage) => storage.name)).toEqual(['shared']);
    expect(inventory).toMatchObject({ driver: 'pve', vmidFirst: 20000, vmidLast: 29999 });
  });

  it('names each missing privilege by path, a missing image and a missing bridge', async () => {
    await using fixture = await openFixture({}, '');
    const { access, vms, nodes } = fixture.simulator.cluster;
    access.acl.splice(0, access.acl.length, ...access.acl.filter((entry) => entry.path !== '/vms/9001'));
    const role = access.roles['TruffleAgent'] ?? [];
    access.roles['TruffleAgent'] = role.filter((each) => each !== 'VM.PowerMgmt');
    vms.delete(9000);
    nodes.get('pve2')?.bridges.splice(0);
    const problems = (await fixture.site.preflight()).join('\n');
    expect(problems).toContain('VM.PowerMgmt on /pool/truffle');
    expect(problems).toMatch(/VM\.Audit, VM\.Clone on \/vms\/9001/);
    expect(problems).toContain('Image debian-12: there is no VM 9000');
    expect(problems).toContain('Node pve2 has no bridge vmbr0');
  });

  it('says that the token is refused, and does not throw', async () => {
    await using fixture = await openFixture();
    for (const user of Object.values(fixture.simulator.cluster.access.users)) user.tokens = {};
    expect((await fixture.site.preflight()).join()).toContain('tokenSecretFile');
  });

  it('says that the site is down, and does not throw', async () => {
    await using fixture = await openFixture();
    await fixture.simulator.close();
    expect((await fixture.site.inventory()).problems[0]).toContain("can't be asked");
  });

  it('goes on when a node is down', async () => {
    await using fixture = await openFixture();
    const node = fixture.simulator.cluster.nodes.get('pve3');
    if (node !== undefined) node.online = false;
    const inventory = await fixture.site.inventory();
    expect(inventory.problems).toContain('Node pve3 is down.');
    expect(inventory.nodes.filter((each) => each.online)).toHaveLength(2);
  });
});
