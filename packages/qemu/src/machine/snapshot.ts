import { QemuError } from '../error.ts';
import type { Disks, DiskSnapshot } from '../disk/disk.ts';
import { type Monitor, withMonitor } from '../monitor/monitor.ts';
import { pause } from '../program/pause.ts';
import { placesOf } from './machine.ts';
import { findProcess } from './process.ts';

/** Memory is written out at the speed of the disk. */
const saveMs = 600_000;

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error?: string;
}

/** The machine's snapshots. @throws QemuError */
export async function listSnapshots(disks: Disks, folder: string): Promise<readonly DiskSnapshot[]> {
  return (await disks.facts(placesOf(folder).disk)).snapshots;
}

/**
 * Takes a snapshot. Of a running machine with its memory it is a job of QEMU's, named after the snapshot: one that is at work already, for whomever,
 * is waited for and not begun again.
 * @throws QemuError, or the signal's reason
 */
export async function takeSnapshot(
  disks: Disks,
  folder: string,
  name: string,
  withMemory: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { disk, monitor: path } = placesOf(folder);
  if (findProcess(folder) === undefined) return disks.snapshot(disk, name);
  await withMonitor(path, async (monitor) => {
    if (!withMemory) {
      await monitor.execute('blockdev-snapshot-internal-sync', { device: 'disk', name }, saveMs);
      return;
    }
    const job = { 'job-id': name, tag: name, vmstate: 'disk', devices: ['disk'] };
    if (!(await jobs(monitor)).some((each) => each.id === name)) await monitor.execute('snapshot-save', job);
    await awaitJob(monitor, name, signal);
  });
}

/** Removes a snapshot of a machine that runs or stands still. @throws QemuError, or the signal's reason */
export async function removeSnapshot(disks: Disks, folder: string, name: string, signal: AbortSignal): Promise<void> {
  const { disk, monitor: path } = placesOf(folder);
  if (findProcess(folder) === undefined) return disks.deleteSnapshot(disk, name);
  const id = `remove-${name}`;
  await withMonitor(path, async (monitor) => {
    if (!(await jobs(monitor)).some((each) => each.id === id))
      await monitor.execute('snapshot-delete', { 'job-id': id, tag: name, devices: ['disk'] });
    await awaitJob(monitor, id, signal);
  });
}

/** Grows the disk of a running machine; the guest is told. @throws QemuError */
export async function growRunning(folder: string, bytes: number): Promise<void> {
  await withMonitor(placesOf(folder).monitor, (monitor) =>
    monitor.execute('block_resize', { 'node-name': 'disk', size: bytes }),
  );
}

async function awaitJob(monitor: Monitor, id: string, signal: AbortSignal): Promise<void> {
  const since = performance.now();
  for (let wait = 10; ; wait = Math.min(250, wait * 1.5)) {
    const job = (await jobs(monitor)).find((each) => each.id === id);
    if (job === undefined || job.status === 'concluded') {
      if (job !== undefined) await monitor.execute('job-dismiss', { id });
      if (job?.error === undefined) return;
      const remedy = job.error.includes('No space') ? 'Make room on the disk that holds the machines.' : 'Try again.';
      throw new QemuError('QEMU_REFUSED', `QEMU's job ${id} failed: ${job.error}`, { remedy, output: [job.error] });
    }
    if (performance.now() - since > saveMs) {
      const remedy = 'Look at the disk that holds the machines; the job goes on.';
      throw new QemuError('QEMU_NO_ANSWER', `QEMU's job ${id} has not ended in ${saveMs / 1_000} s`, { remedy });
    }
    await pause(wait, signal);
  }
}

const jobs = async (monitor: Monitor): Promise<readonly Job[]> =>
  (await monitor.execute('query-jobs')) as readonly Job[];
