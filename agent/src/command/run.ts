import type { CommandPayload } from '@truffle/api/agent/v1/command';
import type { Entry } from '../journal/entry.ts';
import type { Journal } from '../journal/journal.ts';
import { CommandStopped, type CommandRun } from './effect.ts';
import type { Redactor } from './redaction.ts';
import type { Reports } from './report.ts';

export interface RunParts {
  readonly entry: Entry;
  readonly payload: CommandPayload;
  readonly signal: AbortSignal;
  readonly journal: Journal;
  readonly reports: Reports;
  readonly redactor: Redactor;
}

/** What a handler sees of the journal and of the way to the gateway while its command runs. */
export function openRun({ entry, payload, signal, journal, reports, redactor }: RunParts): CommandRun {
  const { id } = entry;
  return {
    commandId: id,
    payload,
    signal,
    traceparent: entry.traceparent,
    recall: (name) => journal.step(id, name),
    intend: (name, handle) => {
      // The point between two steps is a safe one: what is not begun before a shutdown is begun by the next run.
      if (stopsForShutdown(signal) && journal.step(id, name) === undefined) throw signal.reason;
      return journal.intend(id, name, handle);
    },
    observe: (name, observed) => journal.observe(id, name, observed),
    progress: (subStep, detail) => reports.progress(id, subStep, redactor.apply(detail)),
    log: (stream, text) => reports.log(id, stream, redactor.apply(text)),
    redact: (value) => redactor.add(value),
  };
}

const stopsForShutdown = (signal: AbortSignal): boolean =>
  signal.reason instanceof CommandStopped && signal.reason.why === 'shutdown';
