import type { Clock } from '../clock.ts';
import { ApiError, RunError } from '../errors.ts';
import { type Upid, formatUpid } from './upid.ts';

export interface Task {
  upid: string;
  parts: Upid;
  log: string[];
  /** Seconds since the epoch; set when it has stopped. */
  endtime?: number;
  /** "OK", "WARNINGS: n" or the error. */
  exitstatus?: string;
}

/** What a task's work may do while it runs. */
export interface TaskRun {
  readonly task: Task;
  say(line: string): void;
  /** Logs `WARN: line`; makes the task end in "WARNINGS: n". */
  warn(line: string): void;
  /** Ends the task with "received interrupt" when it was asked to stop. */
  checkStopped(): void;
}

export type Work = (run: TaskRun) => Promise<void> | void;

/** Changes a task's fate before its work: how faults reach into tasks. */
export interface TaskFault {
  /** Time that passes before the work starts, in ms. */
  delayMs?: number;
  /** The task ends with this text instead of working. */
  failWith?: string;
  /** Warnings logged before the work. */
  warnings?: string[];
  /** The work is done and the task still ends with this text. */
  failAfter?: string;
}

/** Tasks kept per node; the oldest finished ones go first. */
const KEPT = 5000;

/** Starts background work under a name and remembers how it went. */
export class Tasks {
  readonly byUpid = new Map<string, Task>();
  private readonly stopping = new Set<string>();
  private readonly clock: Clock;
  private readonly bootedAt: number;
  private readonly forkMs: number;
  private nextPid = 1000;
  /** Asked before each task's work; set by the simulator. */
  fault: (parts: Upid) => TaskFault | undefined = () => undefined;
  onChange: () => void = () => undefined;

  constructor(clock: Clock, options: { bootedAtMs: number; forkMs: number }) {
    this.clock = clock;
    this.bootedAt = options.bootedAtMs;
    this.forkMs = options.forkMs;
  }

  /** Seconds since the epoch. */
  seconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  pid(): number {
    this.nextPid += 1;
    return this.nextPid;
  }

  /** Starts `work` in the background and answers its UPID at once. */
  fork(node: string, type: string, id: string | number, user: string, work: Work): string {
    const pstart = Math.floor((this.clock.now() - this.bootedAt) / 10);
    const parts: Upid = { node, pid: this.pid(), pstart, starttime: this.seconds(), type, id: String(id), user };
    const task: Task = { upid: formatUpid(parts), parts, log: [] };
    this.byUpid.set(task.upid, task);
    this.prune();
    void this.run(task, work);
    return task.upid;
  }

  /** Asks a running task to stop; it ends at its next check. */
  stop(upid: string): void {
    this.stopping.add(upid);
  }

  private async run(task: Task, work: Work): Promise<void> {
    let warnings = 0;
    const run: TaskRun = {
      task,
      say: (line) => task.log.push(...line.split('\n')),
      warn: (line) => {
        warnings += 1;
        task.log.push(...`WARN: ${line}`.split('\n'));
      },
      checkStopped: () => {
        if (this.stopping.has(task.upid)) throw new RunError('received interrupt');
      },
    };
    try {
      await this.clock.sleep(this.forkMs);
      const fault = this.fault(task.parts);
      if (fault?.delayMs !== undefined) await this.clock.sleep(fault.delayMs);
      run.checkStopped();
      for (const text of fault?.warnings ?? []) run.warn(text);
      if (fault?.failWith !== undefined) throw new RunError(fault.failWith);
      await work(run);
      if (fault?.failAfter !== undefined) throw new RunError(fault.failAfter);
      this.end(
        task,
        warnings > 0 ? `WARNINGS: ${warnings}` : 'OK',
        warnings > 0 ? `TASK WARNINGS: ${warnings}` : 'TASK OK',
      );
    } catch (error) {
      const text = error instanceof ApiError ? error.message : `internal error of the simulator: ${String(error)}`;
      this.end(task, text.split('\n').join(' '), `TASK ERROR: ${text}`);
    }
  }

  private end(task: Task, exitstatus: string, line: string): void {
    task.exitstatus = exitstatus;
    task.endtime = this.seconds();
    task.log.push(...line.split('\n'));
    this.stopping.delete(task.upid);
    this.onChange();
  }

  private prune(): void {
    if (this.byUpid.size <= KEPT) return;
    for (const [upid, task] of this.byUpid) {
      if (this.byUpid.size <= KEPT) return;
      if (task.exitstatus !== undefined) this.byUpid.delete(upid);
    }
  }
}
