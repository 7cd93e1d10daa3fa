import { Effect, Outcome, type Command } from '@truffle/api/agent/v1/command';
import { InFlightState, type LinkRequest } from '@truffle/api/agent/v1/link';
import type { Logger } from 'pino';
import type { Entry } from '../journal/entry.ts';
import type { Journal } from '../journal/journal.ts';
import { frame } from '../link/frame.ts';
import { traceIdOf, tracedRun } from '../trace/command-trace.ts';
import type { Clock } from './clock.ts';
import { CommandStopped, type CommandEnd, type CommandHandler } from './effect.ts';
import { declarationOf } from './declaration.ts';
import { encodeResult, endOfThrow } from './ending.ts';
import { decodeFailure, DecodedFailure, type FailureFacts } from './failure.ts';
import { decodePayload, judge, type Gate } from './intake.ts';
import { Redactor } from './redaction.ts';
import type { Reports } from './report.ts';
import { openRun } from './run.ts';

/** Commands that run at once, at most; announced in Hello. */
export const maxInFlight = 16;

export interface RunnerDeps {
  readonly journal: Journal;
  readonly reports: Reports;
  readonly handlers: readonly CommandHandler[];
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Run {
  readonly resourceKey: string;
  readonly abort: AbortController;
}

/**
 * Takes commands in, runs them and journals their ends. At most one command runs for each resource and `maxInFlight` in all;
 * the others wait in the order of their permits. After a crash the permitted ones run again and find their steps.
 */
export class Runner {
  readonly #deps: RunnerDeps;
  readonly #handlers: ReadonlyMap<string, CommandHandler>;
  readonly #runs = new Map<string, Run>();
  /** Permitted commands that wait for their turn. */
  readonly #waiting = new Set<string>();
  /** Resources that the agent itself acts on. */
  readonly #claimed = new Set<string>();
  #stopping = false;
  #held = false;
  #idle: (() => void) | undefined;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
    this.#handlers = new Map(deps.handlers.map((handler) => [handler.kind, handler]));
  }

  /** Names of the kinds that it knows. */
  get capabilities(): string[] {
    return [...this.#handlers.keys()];
  }

  /** Whether no command is at work. */
  get idle(): boolean {
    return this.#runs.size === 0;
  }

  /** Goes on with what the journal holds; called once. */
  recover(): void {
    for (const entry of this.#deps.journal.entries()) if (entry.state === 'running') this.#waiting.add(entry.id);
    this.#launch();
  }

  /** Every command in the journal, for Hello. */
  inFlight(): { commandId: string; state: InFlightState; permitNo: number }[] {
    return this.#deps.journal
      .entries()
      .map(({ id, state, permitNo }) => ({ commandId: id, state: inFlightStates[state], permitNo }));
  }

  /** A command came, perhaps not for the first time. Returns the answer; undefined while stopping: it will come again. */
  command(command: Command): LinkRequest | undefined {
    if (this.#stopping) return undefined;
    const { journal, log } = this.#deps;
    const known = journal.entry(command.id);
    const fence = journal.fence(command.resourceKey);
    const verdict = judge(command, {
      handlers: this.#handlers,
      known,
      fence,
      held: journal.size(),
      gate: this.#deps.gate,
    });
    if (verdict.kind === 'reject') return this.#reject(command.id, verdict.facts);
    if (verdict.kind === 'take') {
      if (!journal.accept(verdict.entry)) return this.#reject(command.id, diskFull);
      log.info(
        { commandId: command.id, resourceKey: command.resourceKey, fence: Number(command.fence) },
        'command accepted',
      );
      if (!verdict.entry.needsPermit) this.#enqueue(command.id);
    } else if (verdict.entry.state === 'ended') {
      this.#deps.reports.resultDue(command.id);
    }
    return frame({ case: 'accepted', value: { commandId: command.id, payloadSha256: command.payloadSha256 } });
  }

  #reject(commandId: string, facts: FailureFacts): LinkRequest {
    const { reason, parameters } = facts;
    this.#deps.log.warn({ commandId, reason, parameters }, 'command rejected');
    const failure = decodeFailure(new DecodedFailure(facts), (text) => text);
    return frame({ case: 'rejected', value: { commandId, failure } });
  }

  /** A command may take effect. A repeated permit changes nothing. */
  permit(id: string, permitNo: number): void {
    const entry = this.#deps.journal.entry(id);
    if (entry === undefined) this.#deps.log.warn({ commandId: id }, 'permit for a command that is not in the journal');
    else if (entry.state === 'ended') this.#deps.reports.resultDue(id);
    else if (entry.state === 'accepted') {
      this.#deps.journal.permit(id, permitNo);
      this.#enqueue(id);
    }
  }

  /** A command is no longer wanted: one that has not begun ends without effect, a running one is asked to stop. */
  cancel(id: string): void {
    const run = this.#runs.get(id);
    if (run !== undefined) {
      run.abort.abort(new CommandStopped('cancelled'));
      return;
    }
    const entry = this.#deps.journal.entry(id);
    if (entry === undefined || entry.state === 'ended') return;
    this.#waiting.delete(id);
    this.#end(id, { outcome: Outcome.CANCELLED, effect: this.#effectSoFar(id) });
  }

  /** The gateway has the result. Only once the command is terminal there will it not come again, so only then is it forgotten. */
  acknowledged(id: string, terminal: boolean): void {
    if (!terminal || this.#deps.journal.entry(id)?.state !== 'ended') return;
    this.#deps.journal.forget(id);
    this.#deps.reports.settled(id);
  }

  /** Whether nothing may begin. */
  get held(): boolean {
    return this.#held;
  }

  /** Begins nothing more until `resume`; what runs goes on. */
  hold(): void {
    this.#held = true;
  }

  resume(): void {
    this.#held = false;
    this.#launch();
  }

  /**
   * Has no command begin on the resource, for what the agent does to it by itself, until the answer is called; undefined while one is at work
   * on it, or something else claimed it.
   */
  claim(resourceKey: string): (() => void) | undefined {
    if (this.#stopping || this.#busy().has(resourceKey)) return undefined;
    this.#claimed.add(resourceKey);
    return () => {
      this.#claimed.delete(resourceKey);
      if (!this.#stopping) this.#launch();
    };
  }

  #busy(): Set<string> {
    return new Set([...[...this.#runs.values()].map((run) => run.resourceKey), ...this.#claimed]);
  }

  /** Takes and begins nothing more, asks the running ones to come to a safe point, and resolves when all have or `graceMs` passed. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#waiting.clear();
    for (const run of this.#runs.values()) run.abort.abort(new CommandStopped('shutdown'));
    if (this.#runs.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = resolve;
    const giveUp = this.#deps.clock.after(graceMs, () => {
      this.#deps.log.warn({ commands: [...this.#runs.keys()] }, 'commands did not come to a safe point in time');
      resolve();
    });
    await promise;
    giveUp();
  }

  #enqueue(id: string): void {
    if (this.#stopping) return;
    this.#waiting.add(id);
    this.#launch();
  }

  #launch(): void {
    if (this.#held) return;
    const busy = this.#busy();
    for (const id of this.#waiting) {
      if (this.#runs.size >= maxInFlight) return;
      const entry = this.#deps.journal.entry(id);
      if (entry !== undefined && busy.has(entry.resourceKey)) continue;
      this.#waiting.delete(id);
      if (entry?.state !== 'running') continue;
      busy.add(entry.resourceKey);
      this.#begin(entry);
    }
  }

  #begin(entry: Entry): void {
    const run: Run = { resourceKey: entry.resourceKey, abort: new AbortController() };
    this.#runs.set(entry.id, run);
    const redactor = new Redactor();
    const timeout = entry.runTimeoutMs;
    const disarm =
      timeout > 0 ? this.#deps.clock.after(timeout, () => run.abort.abort(new CommandStopped('timeout'))) : undefined;
    void this.#execute(entry, run.abort.signal, redactor)
      .catch((thrown: unknown) => {
        this.#deps.log.error(
          { commandId: entry.id, trace_id: traceIdOf(entry.traceparent), err: redactError(thrown, redactor) },
          'command threw',
        );
        const steps = this.#deps.journal.stepCount(entry.id);
        return endOfThrow({ thrown, signal: run.abort.signal, steps, redact: redactor.apply });
      })
      .then((end) => {
        disarm?.();
        this.#runs.delete(entry.id);
        if (end !== undefined) this.#end(entry.id, end);
        if (this.#runs.size === 0) this.#idle?.();
        if (!this.#stopping) this.#launch();
      })
      // Only a broken journal gets here, and it has already been told: the process is ending.
      .catch((error: unknown) => this.#deps.log.fatal({ err: error }, 'a command could not be journalled'));
  }

  async #execute(entry: Entry, signal: AbortSignal, redactor: Redactor): Promise<CommandEnd> {
    const { journal, reports } = this.#deps;
    const payload = decodePayload(entry.payload);
    const handler = this.#handlers.get(payload?.op.case ?? '');
    if (payload === undefined || handler === undefined)
      throw new DecodedFailure({
        reason: 'UNSUPPORTED',
        message: 'This version of the agent can not go on with the command.',
      });
    if (entry.fence < (journal.fence(entry.resourceKey) ?? 0))
      throw new DecodedFailure({
        reason: 'FENCED',
        message: `A newer intent on ${entry.resourceKey} came before this one ran.`,
      });
    this.#deps.log.info(
      { commandId: entry.id, kind: handler.kind, permitNo: entry.permitNo, trace_id: traceIdOf(entry.traceparent) },
      'command runs',
    );
    const end = await tracedRun(handler, openRun({ entry, payload, signal, journal, reports, redactor }));
    encodeResult(entry.id, end, 0); // What can not be encoded must fail here, and not while the journal is being written.
    return end;
  }

  #end(id: string, end: CommandEnd): void {
    const kind = decodePayload(this.#deps.journal.entry(id)?.payload ?? new Uint8Array())?.op.case;
    this.#deps.journal.end(id, (lsn) => encodeResult(id, end, lsn), declarationOf(kind, end), end.watching);
    this.#deps.log.info(
      { commandId: id, outcome: Outcome[end.outcome], effect: Effect[end.effect], reason: end.failure?.reason },
      'command ended',
    );
    this.#deps.reports.resultDue(id);
  }

  #effectSoFar(id: string): Effect {
    return this.#deps.journal.stepCount(id) > 0 ? Effect.PARTIAL : Effect.NONE;
  }
}

const diskFull: FailureFacts = {
  reason: 'NOT_ACCEPTING',
  message: "The disk of the agent's host is full.",
  remedy: 'Make room where the agent keeps its data folder; it then goes on by itself.',
  retryable: true,
  parameters: { lacks: 'DISK' },
};

const inFlightStates = {
  accepted: InFlightState.ACCEPTED,
  running: InFlightState.RUNNING,
  ended: InFlightState.ENDED,
} as const;

/** What the agent's own log may hold of a throw. */
function redactError(thrown: unknown, redactor: Redactor): { type: string; message: string; stack: string } {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: redactor.apply(String(thrown)), stack: '' };
  const cause = thrown.cause instanceof Error ? `\ncaused by: ${thrown.cause.stack ?? thrown.cause.message}` : '';
  return {
    type: thrown.name,
    message: redactor.apply(thrown.message),
    stack: redactor.apply((thrown.stack ?? '') + cause),
  };
}
