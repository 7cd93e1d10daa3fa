import { createServer } from 'node:net';
import { stripVTControlCharacters } from 'node:util';
import { QemuError } from '../error.ts';
import { withMonitor } from '../monitor/monitor.ts';
import { lastLines, runProgram } from '../program/run.ts';
import type { QemuPrograms } from '../program/programs.ts';
import { commandLine, type StartChoice } from './command-line.ts';
import { type MachineRecord, placesOf } from './machine.ts';
import { awaitEnd, findProcess, killProcess, type MachineProcess } from './process.ts';

/** A process that can't begin says so long before. */
const startMs = 60_000;
const tries = 5;
const quitMs = 5_000;

/**
 * Starts the machine in this folder, or finds that it runs: QEMU itself holds its pid file, so there is never more than one process of a folder.
 * @param how `resume`: snapshot with memory to go on from; `memory`: that of a suspended guest, whose disk the machine's shares
 * @throws QemuError QEMU_START_FAILED with QEMU's words, or the signal's reason
 */
export async function startMachine(
  programs: QemuPrograms,
  folder: string,
  record: MachineRecord,
  how: Omit<StartChoice, 'sshPort'> & { readonly signal?: AbortSignal | undefined },
): Promise<MachineProcess> {
  for (let at = 1; ; at++) {
    const running = findProcess(folder);
    if (running !== undefined) return running;
    const choice = { accel: how.accel, resume: how.resume, memory: how.memory, sshPort: await freePort() };
    const ran = await runProgram(programs.system, commandLine(folder, record, choice), {
      deadlineMs: startMs,
      signal: how.signal,
    });
    const started = findProcess(folder);
    if (started !== undefined && (ran.code === 0 || ran.late)) return started;
    const output = lastLines(ran.stderr);
    const said = output.join('\n');
    // Somebody took the port in between, or another start of this machine was quicker.
    const passes = /host forwarding rule|[Cc]ould not acquire pid|lock pid file|Failed to get "?write"? lock/.test(
      said,
    );
    if (passes && at < tries) continue;
    const why = ran.late ? `it was not ready in ${startMs / 1_000} s` : (output.at(-1) ?? 'it ended without a word');
    throw new QemuError('QEMU_START_FAILED', `QEMU can't start the machine: ${why}`, {
      remedy: remedyOf(said),
      output,
    });
  }
}

/** Asks the guest to shut down by its power button, and waits. @returns whether the machine stands still then */
export async function askShutdown(folder: string, ms: number, signal?: AbortSignal): Promise<boolean> {
  const running = findProcess(folder);
  if (running === undefined) return true;
  try {
    await withMonitor(placesOf(folder).monitor, (monitor) => monitor.execute('system_powerdown'));
  } catch (error) {
    // One that is just ending answers no more; one that never does is cut off by the caller.
    if (!(error instanceof QemuError)) throw error;
  }
  return awaitEnd(running, ms, signal);
}

/** Cuts the machine's power: QEMU writes its disk out and ends; one that does not listen is killed. @throws QemuError QEMU_STOP_FAILED */
export async function cutPower(folder: string): Promise<void> {
  const running = findProcess(folder);
  if (running === undefined) return;
  try {
    await withMonitor(placesOf(folder).monitor, (monitor) => monitor.execute('quit', {}, quitMs), quitMs);
  } catch (error) {
    if (!(error instanceof QemuError)) throw error;
  }
  if (!(await awaitEnd(running, quitMs))) await killProcess(running);
}

/** Resets the machine, as its reset button does. @throws QemuError */
export async function resetMachine(folder: string): Promise<void> {
  await withMonitor(placesOf(folder).monitor, (monitor) => monitor.execute('system_reset'));
}

/** The last lines that the guest printed on its console since they were asked for last; none when it does not run. */
export async function lastOutput(folder: string, lines = 30): Promise<readonly string[]> {
  if (findProcess(folder) === undefined) return [];
  try {
    const ask = { device: 'console', size: 65_536, format: 'utf8' };
    const text = await withMonitor(placesOf(folder).monitor, (monitor) => monitor.execute('ringbuf-read', ask));
    // Colours and cursor moves say nothing to a reader of a log.
    return lastLines(stripVTControlCharacters(typeof text === 'string' ? text : ''), lines);
  } catch (error) {
    if (error instanceof QemuError) return [];
    throw error;
  }
}

function remedyOf(said: string): string {
  if (/Cannot allocate memory|cannot set up guest memory/.test(said))
    return 'Free memory on this host, or ask for smaller servers.';
  if (/No space left/.test(said)) return 'Make room on the disk that holds the machines.';
  if (/\bkvm\b/i.test(said)) return 'Say `accel: tcg` in the site config, or give this user access to /dev/kvm.';
  return 'Mend what QEMU says, then try again.';
}

/** A port of loopback that nobody has just now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
