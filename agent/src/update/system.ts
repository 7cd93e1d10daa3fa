import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../command/clock.ts';
import { ownPlatform } from '../release/manifest.ts';
import { applyUpdate, type ApplyDeps } from './apply.ts';
import { installedPlaces, memoryFiles, stagedFiles } from './places.ts';
import type { Ending } from './record.ts';

const unit = 'truffle-agent';
const run = promisify(execFile);
/** A stop may take its whole grace. */
const restartMs = 90_000;
const versionMs = 30_000;
const againMs = 30_000;

/** Applies what the installed agent asks for, by systemd: what `truffle-agent-update.service` runs as root. */
export async function applyInstalled(
  dataFolder: string,
  waits: Pick<ApplyDeps, 'readyMs' | 'steadyMs'>,
  say: (line: string) => void,
): Promise<Ending | undefined> {
  const places = installedPlaces(dataFolder);
  try {
    return await applyUpdate({ places, ...machine, ...waits, say });
  } catch (error) {
    // The unit is started as long as it is asked for: a full disk must not make that a loop. The agent asks again.
    rmSync(join(places.staged, stagedFiles.ask), { force: true });
    if (existsSync(join(places.memory, memoryFiles.trying))) await delay(againMs);
    throw error;
  }
}

const machine: Pick<ApplyDeps, 'platform' | 'clock' | 'restart' | 'versionOf'> = {
  platform: ownPlatform(),
  clock: systemClock,
  restart: async () => {
    await run('systemctl', ['reset-failed', unit], { timeout: restartMs }).catch(() => undefined);
    await run('systemctl', ['restart', unit], { timeout: restartMs });
  },
  versionOf: async (program) => {
    // Pages that were just written are mapped in larger pieces than those that are read: 30 MB more would show as resident.
    await run('dd', [`if=${program}`, 'iflag=nocache', 'count=0'], { timeout: versionMs }).catch(() => undefined);
    // What came is not run by root, also not for a look.
    const asAgent = ['--reuid', unit, '--regid', unit, '--clear-groups', '--no-new-privs', '--', program, 'version'];
    const { stdout } = await run('setpriv', asAgent, { timeout: versionMs, cwd: '/' });
    return stdout.trim();
  },
};
