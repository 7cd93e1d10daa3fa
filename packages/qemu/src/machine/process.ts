import { readFileSync } from 'node:fs';
import { QemuError } from '../error.ts';
import { pause } from '../program/pause.ts';
import { readCommandLine, type StartedWith } from './command-line.ts';
import { placesOf } from './machine.ts';

/** A machine's process, told from any other by when it started. */
export interface MachineProcess extends StartedWith {
  readonly pid: number;
  /** Clock ticks from the host's boot to its start. */
  readonly startTicks: string;
}

/**
 * The process that runs the machine in this folder, whoever started it; undefined when it stands still. A number in the pid file proves nothing:
 * the process has to have been started with this very folder.
 */
export function findProcess(folder: string): MachineProcess | undefined {
  try {
    const pid = Number.parseInt(readFileSync(placesOf(folder).pidFile, 'utf8'), 10);
    if (!Number.isInteger(pid) || pid <= 1) return undefined;
    const startTicks = startOf(pid);
    const started = readCommandLine(folder, readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'));
    return startTicks === undefined || started === undefined ? undefined : { pid, startTicks, ...started };
  } catch {
    return undefined;
  }
}

/** Waits until the process has ended. @returns whether it has */
export async function awaitEnd(process: MachineProcess, ms: number, signal?: AbortSignal): Promise<boolean> {
  const since = performance.now();
  for (let wait = 10; isSame(process); wait = Math.min(200, wait * 1.5)) {
    if (performance.now() - since > ms) return false;
    await pause(wait, signal);
  }
  return true;
}

/** Ends the process at once, as a power cut does. @throws QemuError QEMU_STOP_FAILED when it does not end */
export async function killProcess(known: MachineProcess): Promise<void> {
  if (!isSame(known)) return;
  try {
    process.kill(known.pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
  if (await awaitEnd(known, 10_000)) return;
  const remedy = 'It waits in the kernel: look at the disk that holds the machines.';
  throw new QemuError('QEMU_STOP_FAILED', `Process ${known.pid} of the machine does not end`, { remedy });
}

/** Whether that very process still runs. */
export const isSame = ({ pid, startTicks }: MachineProcess): boolean => startOf(pid) === startTicks;

/** What a process has used so far. */
export interface ProcessUsage {
  /** Seconds of processor. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** Undefined when it has ended, or may not be asked. */
export function usageOf({ pid }: MachineProcess): ProcessUsage | undefined {
  try {
    const stat = fieldsOf(pid);
    const io = readFileSync(`/proc/${pid}/io`, 'utf8');
    const bytes = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1] ?? 0);
    return {
      cpuSeconds: (Number(stat[11]) + Number(stat[12])) / ticksPerSecond,
      memoryBytes: Number(stat[21]) * pageBytes,
      readBytes: bytes('read_bytes'),
      writtenBytes: bytes('write_bytes'),
    };
  } catch {
    return undefined;
  }
}

/** Of every Linux that QEMU and Node run on. */
const ticksPerSecond = 100;
const pageBytes = 4096;

/** Field 22 of proc_pid_stat(5); undefined for none, and for a process that only waits to be taken notice of. */
function startOf(pid: number): string | undefined {
  try {
    const fields = fieldsOf(pid);
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** From field 3 on; the name in field 2 may hold spaces and brackets. */
function fieldsOf(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
