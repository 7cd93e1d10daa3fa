import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { failed, ok, reasonOf, skipped, warning, type Check } from './check.ts';

const mib = 1024 * 1024;
const lowBytes = 512 * mib;
const writes = 8;
const slowMs = 50;

/** The data folder: whose it is, who may read it, room, how fast it keeps what is written, and whether the journal can be read. */
export function checkDisk(dataFolder: string, reserveBytes: number): readonly Check[] {
  const stats = statSync(dataFolder, { throwIfNoEntry: false });
  if (stats === undefined)
    return [
      failed(
        'data folder',
        `${dataFolder} is not there`,
        'The agent is not enrolled here, or works with another folder: give --data-dir.',
      ),
    ];
  const me = process.getuid?.() ?? stats.uid;
  const checks: Check[] = [];
  if (!stats.isDirectory())
    return [failed('data folder', `${dataFolder} is no folder`, 'Give the folder with --data-dir.')];
  if (me !== 0 && stats.uid !== me)
    return [
      failed(
        'data folder',
        `${dataFolder} belongs to user ${stats.uid}, and this runs as ${me}`,
        'Run it as root or as the agent’s user: sudo truffle-agent doctor.',
      ),
    ];
  if ((stats.mode & 0o077) !== 0)
    checks.push(
      failed(
        'data folder',
        `${dataFolder} is open to others (mode ${(stats.mode & 0o777).toString(8)}), and holds keys`,
        `chmod 700 ${dataFolder}`,
      ),
    );
  else checks.push(ok('data folder', `${dataFolder}, its owner's alone`));
  checks.push(room(dataFolder, reserveBytes), speed(dataFolder), journal(dataFolder));
  return checks;
}

function room(folder: string, reserveBytes: number): Check {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const text = `${Math.floor(free / mib)} MiB free`;
  if (free < reserveBytes)
    return failed('disk space', `${text}: nothing new is begun`, `Make room on the disk of ${folder}.`);
  if (free < lowBytes)
    return warning(
      'disk space',
      text,
      `Make room on the disk of ${folder}: logs and metrics that wait for a gateway take up to 320 MiB.`,
    );
  return ok('disk space', text);
}

/** The journal is written so for each step of a command. What is written here is removed again. */
function speed(folder: string): Check {
  const path = join(folder, `doctor.${process.pid}.tmp`);
  try {
    const file = openSync(path, 'wx', 0o600);
    const times: number[] = [];
    try {
      const block = Buffer.alloc(4096, 1);
      for (let n = 0; n < writes; n++) {
        const began = performance.now();
        writeSync(file, block);
        fsyncSync(file);
        times.push(performance.now() - began);
      }
    } finally {
      closeSync(file);
      rmSync(path, { force: true });
    }
    const median = times.toSorted((a, b) => a - b)[writes / 2] ?? 0;
    const text = `${median.toFixed(1)} ms for a write to be kept`;
    if (median < slowMs) return ok('disk speed', text);
    return warning(
      'disk speed',
      `${text}: every command waits for several`,
      'Give the data folder a faster disk, or one that is less busy.',
    );
  } catch (error) {
    return failed(
      'disk speed',
      `nothing can be written to ${folder} (${reasonOf(error)})`,
      'Look at the disk (dmesg), whether it is mounted read-only, and at the rights.',
    );
  }
}

function journal(folder: string): Check {
  const path = join(folder, 'journal.db');
  if (!existsSync(path)) return skipped('journal', 'there is none yet: the agent has not run');
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 2_000 });
    const said = String(db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']);
    const commands = Number(db.prepare('SELECT count(*) AS n FROM inbox').get()?.['n']);
    if (said === 'ok') return ok('journal', `whole, ${commands} commands`);
    return failed(
      'journal',
      `damaged: ${said}`,
      'Check the disk; the agent sets it aside at its next start and says what to do.',
    );
  } catch (error) {
    return failed(
      'journal',
      `can not be read (${reasonOf(error)})`,
      'Check the disk; where it is damaged the agent sets it aside at its next start and says what to do.',
    );
  } finally {
    db?.close();
  }
}
