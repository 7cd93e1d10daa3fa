import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Disks } from '../disk/disk.ts';
import { type GuestImage, readImage } from '../image/image.ts';
import { ensureImage, guestCache, whyNoGuests } from '../images.ts';
import { withGuestAgent } from '../monitor/guest-agent.ts';
import { chooseAccel } from '../program/accel.ts';
import { findQemu } from '../program/programs.ts';
import { seedImage } from '../seed/seed.ts';
import { awaitBanner } from './banner.ts';
import { reachCard } from './command-line.ts';
import {
  lanOf,
  listMachines,
  macOf,
  type MachineRecord,
  makeMachine,
  placesOf,
  readRecord,
  removeMachine,
} from './machine.ts';
import { askShutdown, cutPower, startMachine } from './power.ts';
import { findProcess, killProcess } from './process.ts';
import { listSnapshots, removeSnapshot, takeSnapshot } from './snapshot.ts';

const why = whyNoGuests();
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'truffle-vm-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const recordOf = (image: GuestImage, number = 1): MachineRecord => ({
  spec: {
    name: `guest-${number}`,
    uuid: '00000000-0000-4000-8000-000000000001',
    cpu: 1,
    memoryMib: 128,
    cards: [{ mac: macOf(root, number, 0), lan: lanOf(root, 'lan') }],
    internet: false,
    boot: image.boot,
  },
  labels: { whose: 'ours' },
});

describe('a machine’s folder', () => {
  const record = recordOf({ name: '', disk: '', diskBytes: 0, boot: {}, wakes: false });
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(root, 'folder-'));
    rmSync(folder, { recursive: true });
  });

  it('is whole or not at all', async () => {
    const broken = makeMachine(folder, record, () => Promise.reject(new Error('no room')));
    await expect(broken).rejects.toThrow('no room');
    expect(existsSync(folder) || existsSync(`${folder}.new`)).toBe(false);
    await makeMachine(folder, record, ({ disk }) => Promise.resolve(writeFileSync(disk, 'x')));
    expect(readRecord(folder)).toEqual(record);
    await expect(makeMachine(folder, record, () => Promise.resolve())).rejects.toThrow('is there already');
    expect(readRecord(folder)).toEqual(record);
    mkdirSync(`${folder}.new`);
    expect(listMachines(root).filter((name) => folder.endsWith(name))).toHaveLength(1);
    removeMachine(folder);
    removeMachine(folder);
    expect(readdirSync(root).filter((name) => folder.includes(name))).toEqual([]);
    expect(readRecord(folder)).toBeUndefined();
  });

  it('says when it is damaged', () => {
    mkdirSync(folder);
    expect(() => readRecord(folder)).toThrow('holds no machine.json');
    writeFileSync(placesOf(folder).record, '{"spec":');
    expect(() => readRecord(folder)).toThrow("can't be read");
  });

  it('has no process because of a number in its pid file', async () => {
    await makeMachine(folder, record, () => Promise.resolve());
    expect(findProcess(folder)).toBeUndefined();
    writeFileSync(placesOf(folder).pidFile, `${process.pid}\n`);
    expect(findProcess(folder)).toBeUndefined();
  });
});

describe.skipIf(why !== undefined)(`a machine${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let image: GuestImage;
  let folder: string;
  let record: MachineRecord;
  const signal = () => AbortSignal.timeout(100_000);
  const how = async () => ({ accel: (await chooseAccel(findQemu(), root)).accel });
  const disks = () => new Disks(findQemu().img);

  beforeAll(async () => {
    image = readImage(await ensureImage('fast', { cacheFolder: guestCache(), say: () => undefined }));
    folder = join(root, '1');
    record = recordOf(image);
    await makeMachine(folder, record, async ({ disk, seed }) => {
      await disks().link(disk, image.disk, 2 ** 30);
      const { mac, address } = reachCard;
      const cards = [
        { mac: record.spec.cards[0]?.mac ?? '', address: '10.9.0.1/24' },
        { mac, address },
      ];
      writeFileSync(seed, seedImage({ instanceId: 'one', hostname: 'guest-1', user: 'truffle', keys: [], cards }));
    });
  }, 300_000);
  afterAll(() => cutPower(folder));

  it('boots to SSH once, however often it is started', async () => {
    const [one, other] = await Promise.all([
      startMachine(findQemu(), folder, record, await how()),
      startMachine(findQemu(), folder, record, await how()),
    ]);
    expect(other.pid).toBe(one.pid);
    expect(await awaitBanner(folder, signal())).toBe(true);
    const { cpu, memoryMib } = findProcess(folder) ?? {};
    expect({ cpu, memoryMib }).toEqual({ cpu: 1, memoryMib: 128 });
  }, 120_000);

  it('is asked by its guest agent', async () => {
    const { agent: path } = placesOf(folder);
    const cards = await withGuestAgent(path, (agent) => agent.cards());
    const addresses = cards.flatMap((card) => card.addresses.map(({ address }) => address));
    expect(addresses).toEqual(expect.arrayContaining(['10.9.0.1', '10.0.2.15']));
    const ran = await withGuestAgent(path, (agent) => agent.run('/bin/sh', ['-c', 'hostname; exit 7'], signal()));
    expect(ran).toEqual({ code: 7, stdout: 'guest-1\n', stderr: '' });
  });

  it('goes on from the memory of a snapshot', async () => {
    const { agent: path, disk } = placesOf(folder);
    const sh = (script: string) =>
      withGuestAgent(path, async (agent) => (await agent.run('/bin/sh', ['-c', script], signal())).stdout.trim());
    await sh('echo before > /run/memory; echo before > /root/disk; sync');
    await takeSnapshot(disks(), folder, 'warm', true, signal());
    expect(await listSnapshots(disks(), folder)).toMatchObject([{ name: 'warm', withMemory: true }]);
    await sh('echo after > /run/memory; echo after > /root/disk; sync');
    await cutPower(folder);
    expect(findProcess(folder)).toBeUndefined();
    await disks().rollBack(disk, 'warm');
    await startMachine(findQemu(), folder, record, { ...(await how()), resume: 'warm' });
    await awaitBanner(folder, signal());
    expect(await sh('cat /run/memory /root/disk')).toBe('before\nbefore');
    await removeSnapshot(disks(), folder, 'warm', signal());
    expect(await listSnapshots(disks(), folder)).toEqual([]);
  }, 120_000);

  it('shuts down when it is asked, and ends when it is killed', async () => {
    expect(await askShutdown(folder, 30_000, signal())).toBe(true);
    expect(findProcess(folder)).toBeUndefined();
    const started = await startMachine(findQemu(), folder, record, await how());
    await killProcess(started);
    expect(findProcess(folder)).toBeUndefined();
    const again = await startMachine(findQemu(), folder, record, await how());
    expect(again.pid).not.toBe(started.pid);
    await cutPower(folder);
  }, 120_000);

  it('that can not start says why, in QEMU’s words', async () => {
    const broken = { ...record, spec: { ...record.spec, boot: { ...image.boot, kernel: '/nowhere' } } };
    const starting = startMachine(findQemu(), folder, broken, await how());
    await expect(starting).rejects.toMatchObject({
      code: 'QEMU_START_FAILED',
      output: [expect.stringMatching('nowhere')],
    });
  }, 60_000);
});
