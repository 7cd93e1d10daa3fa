import { openSpan, type OpenSpan } from '@truffle/telemetry';
import type { CommandLoad } from './command.repo.ts';
import type { CommandState } from './command.ts';

/** How a session's part in a command ended: the state that the command has now, an end that came by another way, or the end of the session. */
export type SpanOutcome = CommandState | 'ENDED_ELSEWHERE' | 'SESSION_LOST';

const failures: ReadonlySet<SpanOutcome> = new Set<SpanOutcome>([
  'FAILED',
  'REJECTED',
  'EXPIRED',
  'ABANDONED',
  'UNKNOWN',
  'SESSION_LOST',
]);

/**
 * One session's spans of commands, from the first frame to the stored result; as many as its window, at most. A span cannot move between
 * processes, so it ends with its session; what the agent does later still hangs below it.
 */
export class CommandSpans {
  readonly #agentId: string;
  readonly #open = new Map<string, OpenSpan>();

  constructor(agentId: string) {
    this.#agentId = agentId;
  }

  /** The command goes out. @returns the trace context to send with it, the same for each sending */
  sent({ id, op, traceparent }: Pick<CommandLoad, 'id' | 'op' | 'traceparent'>): string {
    let span = this.#open.get(id);
    if (span === undefined) {
      const attributes = { 'truffle.command': id, 'truffle.agent': this.#agentId, 'truffle.command.kind': op };
      this.#open.set(id, (span = openSpan(`command ${op}`, { traceparent, kind: 'producer', attributes })));
    }
    return span.traceparent;
  }

  ended(id: string, outcome: SpanOutcome): void {
    this.#open.get(id)?.end({ 'truffle.command.outcome': outcome }, failures.has(outcome));
    this.#open.delete(id);
  }

  /** The session is over. */
  close(): void {
    for (const id of this.#open.keys()) this.ended(id, 'SESSION_LOST');
  }
}
