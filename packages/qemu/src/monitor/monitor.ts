import { QemuError } from '../error.ts';
import { JsonLines } from './json-lines.ts';

/** An event that QEMU tells. */
export interface MonitorEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class?: string; readonly desc?: string };
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly QMP?: unknown;
}

interface Asked {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const answerMs = 10_000;

/** A machine's monitor (QMP). It takes one client at a time, so whoever opens it closes it soon. */
export class Monitor implements Disposable {
  readonly #lines: JsonLines;
  readonly #asked = new Map<number, Asked>();
  readonly #events = new Set<(event: MonitorEvent) => void>();
  #next = 1;
  #greet: () => void = () => undefined;

  private constructor(lines: JsonLines) {
    this.#lines = lines;
    lines.onClose((why) => {
      for (const { command, reject } of this.#asked.values()) reject(silent(command, why));
      this.#asked.clear();
    });
  }

  /** @throws QemuError QEMU_NO_ANSWER when it does not greet in time */
  static async open(path: string, deadlineMs = answerMs): Promise<Monitor> {
    const lines = await JsonLines.connect(path);
    const monitor = new Monitor(lines);
    try {
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(silent('its greeting', new Error('no answer in time'))), deadlineMs);
        const settle = (act: () => void): void => {
          clearTimeout(late);
          act();
        };
        monitor.#greet = () => settle(resolve);
        lines.onClose((why) => settle(() => reject(silent('its greeting', why))));
        lines.onMessage((message) => monitor.#take(message as Answer));
      });
      await monitor.execute('qmp_capabilities', {}, deadlineMs);
      return monitor;
    } catch (error) {
      lines[Symbol.dispose]();
      throw error;
    }
  }

  /** Asks for one command. @throws QemuError QEMU_REFUSED with QEMU's own words, or QEMU_NO_ANSWER */
  execute(command: string, args: Readonly<Record<string, unknown>> = {}, deadlineMs = answerMs): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      const late = setTimeout(() => {
        this.#asked.delete(id);
        reject(silent(command, new Error(`no answer in ${deadlineMs} ms`)));
      }, deadlineMs);
      const settle =
        <T>(act: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(late);
          act(value);
        };
      this.#asked.set(id, { command, resolve: settle(resolve), reject: settle(reject) });
      this.#lines.send({ execute: command, arguments: args, id });
    });
  }

  /** Is told of each event until the answer is called. */
  onEvent(take: (event: MonitorEvent) => void): () => void {
    this.#events.add(take);
    return () => this.#events.delete(take);
  }

  [Symbol.dispose](): void {
    this.#lines[Symbol.dispose]();
  }

  #take(message: Answer): void {
    if (message.QMP !== undefined) return this.#greet();
    if (message.event !== undefined) {
      for (const take of this.#events) take({ event: message.event, data: message.data ?? {} });
      return;
    }
    const asked = this.#asked.get(message.id ?? 0);
    if (asked === undefined) return;
    this.#asked.delete(message.id ?? 0);
    if (message.error === undefined) return asked.resolve(message.return);
    const said = message.error.desc ?? message.error.class ?? 'no reason';
    const remedy = 'Mend what QEMU says, then try again.';
    asked.reject(new QemuError('QEMU_REFUSED', `QEMU refuses ${asked.command}: ${said}`, { remedy, output: [said] }));
  }
}

/** Opens a machine's monitor, and closes it when `act` has ended. @throws QemuError, or what `act` throws */
export async function withMonitor<T>(
  path: string,
  act: (monitor: Monitor) => Promise<T>,
  deadlineMs = answerMs,
): Promise<T> {
  const monitor = await Monitor.open(path, deadlineMs);
  try {
    return await act(monitor);
  } finally {
    monitor[Symbol.dispose]();
  }
}

function silent(what: string, cause: Error): QemuError {
  const message = `The machine's monitor did not answer (${what}): ${cause.message}`;
  const remedy = 'Look whether the machine still runs, and whether another program holds its monitor.';
  return new QemuError('QEMU_NO_ANSWER', message, { remedy, cause });
}
