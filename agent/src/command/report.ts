import { fromBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CommandResultSchema } from '@truffle/api/agent/v1/command';
import { KeptOutcome, type LinkRequest } from '@truffle/api/agent/v1/link';
import type { Journal } from '../journal/journal.ts';
import type { KeptRecord } from '../journal/declared.ts';
import { frame } from '../link/frame.ts';
import type { Clock } from './clock.ts';
import { LogBuffer, type LogLine } from './log-buffer.ts';
import type { LogSpool } from './log-spool.ts';

/** Characters in one frame of log lines: at most 192 KiB as UTF-8, below the frame's limit. */
const batchSize = 64 * 1024;
/** Characters of a command's log that wait in memory before they go to the disk. */
const spillAt = 64 * 1024;
const longestLine = 8 * 1024;
const longestDetail = 500;
/** Characters that the logs of all commands may take while nobody takes them away. */
const logLimit = 16 * 1024 * 1024;
/** Numbers of one boot; the next boot goes on above them, so that no number is used twice in a command. */
const numbersPerBoot = 2 ** 32;

export interface ReportsDeps {
  readonly journal: Journal;
  readonly clock: Clock;
  /** Where lines wait that memory has no room for; without one they stay in memory, with gaps. */
  readonly spool?: LogSpool;
  /** Something waits to be sent; `soon` for what may wait a moment for more of its kind. */
  readonly wake: (urgency: 'now' | 'soon') => void;
}

interface CommandReport {
  readonly logs: LogBuffer;
  progress: { n: number; subStep: string; detail: string } | undefined;
}

/**
 * What waits to be told to the gateway, pulled by the link whenever the stream has room. Results come from the journal and are never lost;
 * progress keeps only its newest word; logs are bounded with gaps. A result goes out after its command's log.
 */
export class Reports {
  readonly #deps: ReportsDeps;
  readonly #reports = new Map<string, CommandReport>();
  readonly #results = new Set<string>();
  /** What the agent did by itself and is to be told on this session. */
  #kept: KeptRecord[] = [];
  /** Number of the last of it that this session was given. */
  #keptUpTo = 0;
  #number: number;

  constructor(deps: ReportsDeps) {
    this.#deps = deps;
    this.#number = deps.journal.standing().bootNo * numbersPerBoot;
    for (const id of deps.spool?.commands ?? []) this.#report(id);
  }

  /** What a command is doing just now. The text is already redacted. */
  progress(id: string, subStep: string, detail: string): void {
    this.#report(id).progress = { n: ++this.#number, subStep, detail: detail.slice(0, longestDetail) };
    this.#deps.wake('soon');
  }

  /** Lines of a command's log. The text is already redacted. */
  log(id: string, stream: LogLine['stream'], text: string): void {
    const { logs } = this.#report(id);
    for (const line of text.replace(/\r?\n$/, '').split(/\r?\n/))
      logs.push({ n: ++this.#number, wall: this.#deps.clock.wall(), stream, text: line.slice(0, longestLine) });
    if (logs.cost > spillAt) this.#spill(id, logs);
    this.#shed();
    this.#deps.wake('soon');
  }

  /** The process ends: what still waits in memory goes to the disk. */
  flush(): void {
    for (const [id, { logs }] of this.#reports) this.#spill(id, logs);
  }

  /** The command's result is in the journal and has to be sent. */
  resultDue(id: string): void {
    this.#results.add(id);
    this.#deps.wake('now');
  }

  /** A new session: every result in the journal has to be sent on it. */
  renew(): void {
    const { journal } = this.#deps;
    for (const entry of journal.entries()) if (entry.state === 'ended') this.#results.add(entry.id);
    this.#kept = [];
    this.#keptUpTo = 0;
    this.keptDue();
  }

  /** The agent did something by itself, and it is in the journal. */
  keptDue(): void {
    this.#kept.push(...this.#deps.journal.declared.notes(this.#keptUpTo));
    this.#keptUpTo = this.#kept.at(-1)?.n ?? this.#keptUpTo;
    this.#deps.wake('now');
  }

  /** The command is settled. */
  settled(id: string): void {
    this.#results.delete(id);
    this.#forget(id);
  }

  /** The next frame to send; undefined when nothing waits. */
  take(): LinkRequest | undefined {
    for (const id of this.#results) {
      const logs = this.#takeLogs(id);
      if (logs !== undefined) return logs;
      this.#results.delete(id);
      this.#forget(id);
      const result = this.#deps.journal.entry(id)?.result;
      if (result !== undefined) return frame({ case: 'result', value: fromBinary(CommandResultSchema, result) });
    }
    const kept = this.#kept.shift();
    if (kept !== undefined) return keptFrame(kept);
    for (const [id, report] of this.#reports) {
      if (report.progress !== undefined) {
        const { n, subStep, detail } = report.progress;
        report.progress = undefined;
        return frame({ case: 'progress', value: { commandId: id, n: BigInt(n), subStep, detail } });
      }
      const logs = this.#takeLogs(id);
      if (logs !== undefined) return logs;
    }
    return undefined;
  }

  #takeLogs(id: string): LinkRequest | undefined {
    const spooled = this.#deps.spool?.take(id, batchSize) ?? [];
    const lines = spooled.length > 0 ? spooled : (this.#reports.get(id)?.logs.take(batchSize) ?? []);
    if (lines.length === 0) return undefined;
    const entries = lines.map(({ n, wall, stream, text }) => ({
      n: BigInt(n),
      time: timestampFromMs(wall),
      stream,
      text,
    }));
    return frame({ case: 'logs', value: { commandId: id, entries } });
  }

  #forget(id: string): void {
    this.#reports.delete(id);
    this.#deps.spool?.drop(id);
  }

  /** Moves a command's waiting lines to the disk; where that refuses them they stay, within memory's bounds. */
  #spill(id: string, logs: LogBuffer): void {
    if (this.#deps.spool === undefined || logs.empty) return;
    const lines = logs.take(Number.POSITIVE_INFINITY);
    if (!this.#deps.spool.append(id, lines)) for (const line of lines) logs.push(line);
  }

  #report(id: string): CommandReport {
    let report = this.#reports.get(id);
    if (report === undefined) this.#reports.set(id, (report = { logs: new LogBuffer(), progress: undefined }));
    return report;
  }

  /** Keeps the sum bounded: the oldest command's waiting lines go first. */
  #shed(): void {
    let total = 0;
    for (const { logs } of this.#reports.values()) total += logs.cost;
    for (const { logs } of this.#reports.values()) {
      if (total <= logLimit) return;
      total -= logs.cost;
      logs.drop();
    }
  }
}

const keptOutcomes: Readonly<Record<KeptRecord['outcome'], KeptOutcome>> = {
  started: KeptOutcome.STARTED,
  failed: KeptOutcome.FAILED,
  left: KeptOutcome.LEFT,
  remedied: KeptOutcome.REMEDIED,
  'remedy-failed': KeptOutcome.REMEDY_FAILED,
  unhealthy: KeptOutcome.UNHEALTHY,
  healthy: KeptOutcome.HEALTHY,
};

const keptFrame = ({ n, at, resourceKey, serverId, outcome, detail }: KeptRecord): LinkRequest =>
  frame({
    case: 'kept',
    value: {
      n: BigInt(n),
      time: timestampFromMs(at),
      resourceKey,
      serverId,
      outcome: keptOutcomes[outcome],
      detail,
    },
  });
