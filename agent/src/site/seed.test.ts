import { CloudInit } from '@truffle/api/agent/v1/command';
import { deriveId } from '@truffle/ids';
import { describe, expect, it } from 'vitest';
import { crashEverywhere } from './crash.fixture.ts';
import { commandId, deleteServer, ensureServer, type Fixture, grant, openFixture, tasksOf } from './site.fixture.ts';

const yaml = 'cloudInit: no-cloud\nisoStorage: shared\n';
const fixed = 'networks: { lan: { bridge: vmbr0, static: { first: 10.77.0.10, prefix: 16, gateway: 10.77.0.1 } } }\n';

async function openSeeded(more = ''): Promise<Fixture> {
  const fixture = await openFixture({}, `${yaml}${more}`);
  grant(fixture.simulator, '/storage/shared', ['Datastore.Allocate']);
  return fixture;
}

const isos = ({ simulator }: Fixture): string[] =>
  [...simulator.cluster.storages.volumes.values()].filter((each) => each.content === 'iso').map((each) => each.volid);

describe('cloud-init by an image', () => {
  it('tells the guest its name, its keys and its addresses, in place of the hypervisor’s own drive', async () => {
    await using fixture = await openSeeded(fixed);
    const id = commandId();
    const { failure, end } = await fixture.run(id, ensureServer('web', 20001));
    expect(failure).toBeUndefined();
    expect(end.output?.output).toMatchObject({ value: { address: '10.77.0.11' } });
    const config = fixture.simulator.cluster.vms.get(20001)?.config ?? {};
    expect(config['ide2']).toContain(`iso/truffle-${deriveId('srv', 'web')}-`);
    expect(Object.values(config).filter((each) => each.includes('cloudinit'))).toEqual([]);
    expect(config).not.toHaveProperty('ciuser');
    const guest = fixture.simulator.cluster.guests.get(20001);
    expect(guest).toMatchObject({ hostname: 'web', login: 'truffle' });
    expect(guest?.cards[0]?.address).toBe('10.77.0.11');
    expect(guest?.keys).toHaveLength(1);
    await fixture.run(id, ensureServer('web', 20001));
    expect(tasksOf(fixture, 'imgcopy')).toBe(1);
  });

  it('is made anew when it says something else, and the old one is removed', async () => {
    await using fixture = await openSeeded();
    await fixture.run(commandId(), ensureServer('web', 20001));
    const [before] = isos(fixture);
    await fixture.run(commandId(), ensureServer('web', 20001, { name: 'renamed' }));
    expect(isos(fixture)).toHaveLength(1);
    expect(isos(fixture)[0]).not.toBe(before);
    expect(fixture.simulator.cluster.guests.get(20001)?.hostname).toBe('renamed');
  });

  it('is gone with the server, through a crash at each point', async () => {
    await using fixture = await openSeeded();
    await crashEverywhere(
      fixture,
      async () => {
        expect((await fixture.run(commandId(), ensureServer('web', 20001))).failure).toBeUndefined();
        return deleteServer('web', 20001);
      },
      ({ failure }) => {
        expect(failure).toBeUndefined();
        expect(isos(fixture)).toEqual([]);
      },
    );
  });

  it('survives a crash at each point of its making', async () => {
    await using fixture = await openSeeded();
    const crashes = await crashEverywhere(
      fixture,
      (at) => Promise.resolve(ensureServer(`web-${at}`, 20100 + at)),
      ({ failure }, at) => {
        expect(failure).toBeUndefined();
        expect(isos(fixture)).toHaveLength(at);
      },
    );
    expect(crashes).toBeGreaterThanOrEqual(10);
  }, 60_000);

  it('can be asked for by one server, and is refused where there is no storage for it', async () => {
    await using fixture = await openFixture();
    const change = { cloudInit: CloudInit.NO_CLOUD };
    const { failure } = await fixture.run(commandId(), ensureServer('web', 20001, change));
    expect(failure?.reason).toBe('SITE_NOT_OFFERED');
    expect(failure?.remedy).toContain('isoStorage');
  });

  it('leaves an image that the token may not remove, and says so', async () => {
    await using fixture = await openFixture({}, yaml);
    await fixture.run(commandId(), ensureServer('web', 20001));
    const { failure, said } = await fixture.run(commandId(), deleteServer('web', 20001));
    expect(failure).toBeUndefined();
    expect(said).toContain('was left on shared');
    expect(isos(fixture)).toHaveLength(1);
  });
});
