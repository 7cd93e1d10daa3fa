import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that can still be told from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, opaque: equal only for the very same process of the very same boot. */
  readonly startedAt: string;
}

/** The identity of a running process; undefined when there is none (a zombie counts as gone). */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? linuxStart(pid) : psStart(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether that very process is still running. */
export const isRunning = (known: ProcessIdentity): boolean => identify(known.pid)?.startedAt === known.startedAt;

/** Sends a signal if that very process is still running; answers whether it was. */
export function signalProcess(known: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(known)) return false;
  try {
    process.kill(known.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Field 22 of proc_pid_stat(5), in clock ticks since boot; the name in field 2 may hold spaces and brackets. */
function linuxStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

function psStart(pid: number): string | undefined {
  try {
    const [state, ...start] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
    return state === undefined || state === '' || state.startsWith('Z') ? undefined : start.join(' ');
  } catch {
    return undefined;
  }
}
