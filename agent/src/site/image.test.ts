import { createHash } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Outcome } from '@truffle/api/agent/v1/command';
import type { ImportImageSchema } from '@truffle/api/agent/v1/site_command';
import { describe, expect, it } from 'vitest';
import { CommandStopped } from '../command/effect.ts';
import { command, commandId, ensureServer, type Fixture, grant, openFixture, orgId, tasksOf } from './site.fixture.ts';

const url = 'https://images.example.com/debian-13.qcow2';
/** The simulator takes the checksum of the address for that of what is behind it. */
const checksum = createHash('sha256').update(url).digest('hex');

const importImage = (change: MessageInitShape<typeof ImportImageSchema> = {}) =>
  command({
    case: 'importImage',
    value: {
      orgId,
      image: 'debian-13',
      url,
      checksumAlgorithm: 'sha256',
      checksum,
      vmid: 20900,
      node: 'pve1',
      ...change,
    },
  });

const vmOf = ({ simulator }: Fixture) => simulator.cluster.vms.get(20900);
const downloads = ({ simulator }: Fixture): string[] =>
  [...simulator.cluster.storages.volumes.values()]
    .filter((each) => each.content === 'import')
    .map((each) => each.volid);

async function open(): Promise<Fixture> {
  const fixture = await openFixture({}, 'importStorage: shared\n');
  grant(fixture.simulator, '/storage/shared', ['Datastore.Allocate']);
  return fixture;
}

describe('ImportImage', () => {
  it('makes a template that servers can be made from at once, and leaves no download', async () => {
    await using fixture = await open();
    const id = commandId();
    const { failure, end } = await fixture.run(id, importImage());
    expect(failure).toBeUndefined();
    const value = { image: 'debian-13', vmid: 20900, node: 'pve1', diskBytes: 3n * 2n ** 30n };
    expect(end.output?.output).toMatchObject({ case: 'image', value });
    expect(vmOf(fixture)?.config).toMatchObject({ template: '1', serial0: 'socket', agent: '1', boot: 'order=scsi0' });
    expect(vmOf(fixture)?.config['ide2']).toContain('cloudinit');
    expect(downloads(fixture)).toEqual([]);
    const made = await fixture.run(commandId(), ensureServer('web', 20001, { image: 'debian-13' }));
    expect(made.failure).toBeUndefined();
    expect((await fixture.site.inventory()).images.map((image) => image.name)).toContain('debian-13');
    expect((await fixture.run(id, importImage())).end.outcome).toBe(Outcome.SUCCEEDED);
    expect(tasksOf(fixture, 'download')).toBe(1);
  });

  it('survives a crash at each point, and downloads and builds once', async () => {
    let crashes = 0;
    for (let crashAt = 1; ; crashAt++) {
      await using fixture = await open();
      const id = commandId();
      const crashed = await fixture.run(id, importImage(), { crashAt }).then(
        () => false,
        () => true,
      );
      expect((await fixture.run(id, importImage())).failure).toBeUndefined();
      expect([tasksOf(fixture, 'download'), tasksOf(fixture, 'qmcreate'), tasksOf(fixture, 'qmtemplate')]).toEqual([
        1, 1, 1,
      ]);
      if (!crashed) break;
      crashes += 1;
    }
    expect(crashes).toBe(10);
  }, 60_000);

  it('refuses what has another checksum, decoded, and leaves nothing', async () => {
    await using fixture = await open();
    const { failure } = await fixture.run(commandId(), importImage({ checksum: 'a'.repeat(64) }));
    expect(failure?.reason).toBe('PVE_CHECKSUM');
    expect(failure?.logTail.join('\n')).toContain('TASK ERROR: checksum mismatch');
    expect(downloads(fixture)).toEqual([]);
    expect(vmOf(fixture)).toBeUndefined();
  });

  it('decodes a download that nobody answers', async () => {
    await using fixture = await open();
    const { failure } = await fixture.run(commandId(), importImage({ url: 'http://127.0.0.1:9/x.qcow2' }));
    expect(failure?.reason).toBe('PVE_DOWNLOAD');
    expect(failure?.remedy).toContain('DNS');
  });

  it('refuses before anything is touched what nothing vouches for and what the site does not offer', async () => {
    await using fixture = await open();
    const changes = [
      { checksum: '' },
      { checksumAlgorithm: 'md5' },
      { url: 'file:///etc/passwd' },
      { vmid: 100 },
      { image: '../x' },
    ];
    for (const change of [...changes, { downloadStorage: 'local' }, { storage: 'ceph' }]) {
      const { failure } = await fixture.run(commandId(), importImage(change));
      expect(failure?.reason).toMatch(/^SITE_/);
    }
    expect(tasksOf(fixture, 'download')).toBe(0);
  });

  it('goes on with a creation that is at work when the agent comes back, though it is in no pool yet', async () => {
    await using fixture = await openFixture({ diskMs: 400 }, 'importStorage: shared\n');
    const id = commandId();
    const stop = new AbortController();
    const running = fixture.run(id, importImage(), { signal: stop.signal });
    await expect.poll(() => vmOf(fixture)?.config['lock']).toBe('create');
    stop.abort(new CommandStopped('shutdown'));
    await expect(running).rejects.toThrow('shutdown');
    expect((await fixture.run(id, importImage())).failure).toBeUndefined();
    expect([tasksOf(fixture, 'download'), tasksOf(fixture, 'qmcreate')]).toEqual([1, 1]);
  });

  it('leaves what a storage lock that timed out left to the operator, and makes no second one', async () => {
    await using fixture = await open();
    fixture.simulator.faults.add({ vmid: 20900, action: { kind: 'storage-lock' } });
    const { failure } = await fixture.run(commandId(), importImage());
    expect(failure?.reason).toBe('OPERATOR_REQUIRED');
    expect(failure?.parameters['command']).toBe('qm unlock 20900 && qm destroy 20900 --purge 1');
    expect(vmOf(fixture)?.config['lock']).toBe('create');
    expect(tasksOf(fixture, 'qmcreate')).toBe(1);
  });

  it('touches no VM that has its number', async () => {
    await using fixture = await open();
    await fixture.run(commandId(), ensureServer('web', 20900));
    const before = structuredClone(vmOf(fixture)?.config);
    expect((await fixture.run(commandId(), importImage())).failure?.reason).toBe('PVE_CONFLICT');
    expect(vmOf(fixture)?.config).toEqual(before);
  });
});
