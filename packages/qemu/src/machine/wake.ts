import { randomBytes } from 'node:crypto';
import { QemuError } from '../error.ts';
import { withGuestAgent } from '../monitor/guest-agent.ts';
import { withMonitor } from '../monitor/monitor.ts';
import { pause } from '../program/pause.ts';
import { placesOf } from './machine.ts';
import { growRunning } from './snapshot.ts';

/**
 * Makes a guest that goes on from another's memory be who its seed says: clock, randomness, disk, keys, name, user, addresses; these come last, so
 * that nobody reaches it before.
 * @param bytes size of its disk
 * @throws QemuError, or the signal's reason
 */
export async function wakeMachine(folder: string, bytes: number, signal: AbortSignal): Promise<void> {
  const { monitor: path, agent } = placesOf(folder);
  await withMonitor(path, async (monitor) => {
    for (;;) {
      const { status } = (await monitor.execute('query-status')) as { status: string };
      if (status === 'running') return;
      if (status !== 'inmigrate') await monitor.execute('cont');
      await pause(20, signal);
    }
  });
  await growRunning(folder, bytes);
  const now = String(Math.round(Date.now() / 1_000));
  const ran = await withGuestAgent(agent, (guest) =>
    guest.run('/usr/lib/guest/wake', [now, randomBytes(64).toString('hex')], signal),
  );
  if (ran.code === 0) return;
  const output = `${ran.stdout}${ran.stderr}`.trim().split('\n');
  const remedy = 'Remove the suspended guest from the cache: it is made anew.';
  throw new QemuError('QEMU_START_FAILED', 'The suspended guest does not wake', { remedy, output });
}
