import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ResizeServerSchema } from '@truffle/api/agent/v1/server_command';
import { describe, expect, it } from 'vitest';
import { crashEverywhere } from './crash.fixture.ts';
import { command, commandId, ensureServer, type Fixture, openFixture, serverOf, tasksOf } from './site.fixture.ts';

const gib = 2n ** 30n;
const resize = (size: MessageInitShape<typeof ResizeServerSchema>) =>
  command({ case: 'resizeServer', value: { ...serverOf('web', 20001), ...size } });
const vmOf = ({ simulator }: Fixture) => simulator.cluster.vms.get(20001);

async function openWithServer(): Promise<Fixture> {
  const fixture = await openFixture();
  expect((await fixture.run(commandId(), ensureServer('web', 20001))).failure).toBeUndefined();
  return fixture;
}

describe('ResizeServer', () => {
  it('grows a disk in a running server and says that processors and memory wait for a restart', async () => {
    await using fixture = await openWithServer();
    const id = commandId();
    const payload = resize({ cpu: 4, memoryBytes: 2n * gib, diskBytes: 20n * gib });
    const { failure, end } = await fixture.run(id, payload);
    expect(failure).toBeUndefined();
    const value = { cpu: 4, memoryBytes: 2n * gib, diskBytes: 20n * gib, restartRequired: true };
    expect(end.output?.output).toMatchObject({ case: 'resized', value });
    expect(vmOf(fixture)?.config).toMatchObject({ cores: '1', memory: '1024' });
    expect(vmOf(fixture)?.config['scsi0']).toContain('size=20G');
    expect((await fixture.run(id, payload)).end.output).toEqual(end.output);
    expect(tasksOf(fixture, 'resize')).toBe(2);
    expect(tasksOf(fixture, 'qmstop') + tasksOf(fixture, 'qmshutdown')).toBe(0);
  });

  it('needs no restart for memory where the hypervisor can plug it in', async () => {
    await using fixture = await openWithServer();
    Object.assign(vmOf(fixture)?.config ?? {}, { hotplug: 'disk,network,memory', numa: '1' });
    const { end } = await fixture.run(commandId(), resize({ memoryBytes: 2n * gib }));
    expect(end.output?.output).toMatchObject({ value: { restartRequired: false } });
    expect(vmOf(fixture)?.config['memory']).toBe('2048');
  });

  it('restarts where that is allowed, through a crash at each point', async () => {
    await using fixture = await openWithServer();
    const crashes = await crashEverywhere(
      fixture,
      (at) => Promise.resolve(resize({ cpu: at + 1, allowRestart: true })),
      ({ failure, end }, at) => {
        expect(failure).toBeUndefined();
        expect(end.output?.output).toMatchObject({ value: { cpu: at + 1, restartRequired: false } });
        expect(vmOf(fixture)?.config['cores']).toBe(String(at + 1));
        expect(vmOf(fixture)?.running).toBeDefined();
      },
    );
    expect(crashes).toBeGreaterThanOrEqual(7);
  }, 60_000);

  it('refuses to shrink before anything is touched', async () => {
    await using fixture = await openWithServer();
    const { failure } = await fixture.run(commandId(), resize({ cpu: 4, diskBytes: gib }));
    expect(failure?.reason).toBe('PVE_SHRINK');
    expect(vmOf(fixture)?.pending).toEqual({});
  });

  it('leaves what is not named, and does nothing where nothing differs', async () => {
    await using fixture = await openWithServer();
    fixture.simulator.faults.add({ method: 'PUT', path: '.*', nth: 1_000, action: { kind: 'latency', ms: 0 } });
    const { end } = await fixture.run(commandId(), resize({ cpu: 1 }));
    expect(end.output?.output).toMatchObject({ value: { cpu: 1, memoryBytes: gib, diskBytes: 8n * gib } });
    expect(fixture.simulator.faults.list()[0]?.seen).toBe(0);
  });
});
