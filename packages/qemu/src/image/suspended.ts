import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Disks } from '../disk/disk.ts';
import { QemuError } from '../error.ts';
import { awaitBanner } from '../machine/banner.ts';
import { quoted, reachCard } from '../machine/command-line.ts';
import { lanOf, macOf, makeMachine, type MachineRecord, placesOf, removeMachine } from '../machine/machine.ts';
import { cutPower, startMachine } from '../machine/power.ts';
import { withGuestAgent } from '../monitor/guest-agent.ts';
import { type Monitor, withMonitor } from '../monitor/monitor.ts';
import { type Accel, chooseAccel } from '../program/accel.ts';
import { pause } from '../program/pause.ts';
import { findQemu, qemuVersion } from '../program/programs.ts';
import { seedImage } from '../seed/seed.ts';
import type { GuestImage } from './image.ts';
import { waitForLock } from './lock.ts';
import type { Shop } from './shop.ts';

/** What of a machine its memory goes with. */
export interface Shape {
  readonly cpu: number;
  readonly memoryMib: number;
  /** Cards on networks; the one by which the host reaches the guest is not counted. */
  readonly cards: number;
}

/** The shape that most servers of the templates that ship have. */
export const usualShape: Shape = { cpu: 1, memoryMib: 1024, cards: 1 };

/** A guest that booted, and was suspended before it was anybody. */
export interface Suspended {
  /** Machines share its blocks. */
  readonly disk: string;
  /** A stream of QEMU's that a machine of the same shape goes on from. */
  readonly memory: string;
}

const bootMs = 300_000;
const saveMs = 120_000;

/** The suspended guest of an image and a shape, made before; undefined when there is none for this QEMU. */
export async function findSuspended(image: GuestImage, shape: Shape, accel: Accel): Promise<Suspended | undefined> {
  if (!image.wakes) return undefined;
  const { disk, memory } = suspendedAt(await homeOf(image, shape, accel));
  return existsSync(memory) ? { disk, memory } : undefined;
}

/**
 * Has a suspended guest for an image and a shape: found, or booted now, let come to rest and written out. Kept beside the image.
 * @returns undefined when guests of the image can't be woken
 * @throws QemuError
 */
export async function ensureSuspended(image: GuestImage, shape: Shape, shop: Shop): Promise<Suspended | undefined> {
  if (!image.wakes) return undefined;
  const { accel } = await chooseAccel(findQemu(), shop.cacheFolder);
  const found = await findSuspended(image, shape, accel);
  if (found !== undefined) return found;
  const home = await homeOf(image, shape, accel);
  const lock = await waitForLock(`${home}.lock`, shop.signal);
  try {
    if (!existsSync(home)) await make(image, shape, { home, accel, shop });
  } finally {
    lock.release();
  }
  return suspendedAt(home);
}

/** The memory goes with the QEMU that wrote it. */
async function homeOf({ disk }: GuestImage, { cpu, memoryMib, cards }: Shape, accel: Accel): Promise<string> {
  const version = await qemuVersion(findQemu());
  return join(dirname(disk), `suspended-${accel}-${version}-${cpu}x${memoryMib}-${cards}`);
}

const suspendedAt = (home: string): Suspended => ({ disk: placesOf(home).disk, memory: join(home, 'memory') });

interface Making {
  readonly home: string;
  readonly accel: Accel;
  readonly shop: Shop;
}

async function make(image: GuestImage, shape: Shape, { home, accel, shop }: Making): Promise<void> {
  shop.say(`guests: suspending one of ${image.name} that has booted (half a minute, only this once)`);
  const programs = findQemu();
  // A machine's folder has a short path: sockets are in it. What a making that was killed left there is ended.
  const folder = join(shop.cacheFolder, `.s-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`);
  await cutPower(folder);
  removeMachine(folder);
  try {
    const record = recordOf(image, shape, folder);
    await makeMachine(folder, record, async (draft) => {
      await new Disks(programs.img, shop.signal).link(draft.disk, image.disk);
      const { mac, address } = reachCard;
      const nobody = { instanceId: 'suspended', hostname: 'guest', user: 'nobody', keys: [] };
      writeFileSync(draft.seed, seedImage({ ...nobody, cards: [{ mac, address }] }));
    });
    const late = AbortSignal.timeout(bootMs);
    const signal = shop.signal === undefined ? late : AbortSignal.any([late, shop.signal]);
    await startMachine(programs, folder, record, { accel, signal });
    await awaitBanner(folder, signal);
    await withGuestAgent(placesOf(folder).agent, (agent) => agent.run('/usr/lib/guest/doze', [], signal));
    await withMonitor(placesOf(folder).monitor, (monitor) => writeMemory(monitor, join(folder, 'memory'), signal));
    await cutPower(folder);
    rmSync(placesOf(folder).seed);
    renameSync(folder, home);
  } finally {
    await cutPower(folder);
    removeMachine(folder);
  }
}

function recordOf(image: GuestImage, { cpu, memoryMib, cards }: Shape, folder: string): MachineRecord {
  const card = (at: number) => ({ mac: macOf(folder, 0, at), lan: lanOf(folder, String(at)) });
  const spec = {
    name: 'guest',
    uuid: '00000000-0000-4000-8000-000000000000',
    cpu,
    memoryMib,
    cards: Array.from({ length: cards }, (_, at) => card(at)),
    internet: false,
    boot: image.boot,
  };
  return { spec, labels: {} };
}

async function writeMemory(monitor: Monitor, file: string, signal: AbortSignal): Promise<void> {
  await monitor.execute('stop');
  await monitor.execute('migrate-set-parameters', { 'max-bandwidth': 2 ** 34 });
  await monitor.execute('migrate', { uri: `exec:cat > ${quoted(file)}` });
  const since = performance.now();
  for (;;) {
    const { status } = (await monitor.execute('query-migrate')) as { status?: string };
    if (status === 'completed') return;
    if (status === 'failed' || performance.now() - since > saveMs) {
      const remedy = 'Make room on the disk of the cache, then try again.';
      throw new QemuError('QEMU_IMAGE_FAILED', `The guest's memory can't be written: ${status ?? ''}`, { remedy });
    }
    await pause(50, signal);
  }
}
