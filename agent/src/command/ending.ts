import { toBinary, create } from '@bufbuild/protobuf';
import { CommandOutputSchema, CommandResultSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import { partLimit } from '../link/frame.ts';
import { CommandStopped, type CommandEnd } from './effect.ts';
import { DecodedFailure, decodeFailure } from './failure.ts';

/** What is known when a run threw. */
export interface ThrowFacts {
  readonly thrown: unknown;
  readonly signal: AbortSignal;
  /** Steps that the command intended, in all its runs. */
  readonly steps: number;
  readonly redact: (text: string) => string;
}

/** How a run that threw has ended; undefined when it was stopped by a shutdown and is to be run again. */
export function endOfThrow(facts: ThrowFacts): CommandEnd | undefined {
  const effect = facts.steps > 0 ? Effect.PARTIAL : Effect.NONE;
  const stopped = stopOf(facts);
  if (stopped === 'shutdown') return undefined;
  if (stopped === 'cancelled') return { outcome: Outcome.CANCELLED, effect };
  const failure = decodeFailure(stopped === 'timeout' ? timedOut(facts.thrown) : facts.thrown, facts.redact);
  const known = facts.thrown instanceof DecodedFailure ? facts.thrown.facts.effect : undefined;
  return { outcome: Outcome.FAILED, effect: known ?? effect, failure };
}

/** `CommandResult` as bytes for the journal. @throws when a handler's output does not fit the contract, or no frame */
export function encodeResult(commandId: string, end: CommandEnd, lsn: number): Uint8Array {
  const result = create(CommandResultSchema, {
    commandId,
    lsn: BigInt(lsn),
    outcome: end.outcome,
    effect: end.effect,
    ...(end.failure === undefined ? {} : { failure: end.failure }),
    output: end.output === undefined ? new Uint8Array() : toBinary(CommandOutputSchema, end.output),
  });
  const bytes = toBinary(CommandResultSchema, result);
  if (bytes.length > partLimit)
    throw new DecodedFailure({
      reason: 'OUTPUT_TOO_LARGE',
      message: `What the command gave back takes ${bytes.length} bytes; ${partLimit} can be sent.`,
      effect: end.effect,
    });
  return bytes;
}

/** Once the signal fired, whatever a run throws is its way to stop. */
function stopOf({ thrown, signal }: ThrowFacts): CommandStopped['why'] | undefined {
  if (signal.aborted && signal.reason instanceof CommandStopped) return signal.reason.why;
  return thrown instanceof CommandStopped ? thrown.why : undefined;
}

function timedOut(thrown: unknown): DecodedFailure {
  const facts = thrown instanceof DecodedFailure ? thrown.facts : undefined;
  return new DecodedFailure({
    reason: 'RUN_TIMEOUT',
    message: 'The command did not end in the time that it was given.',
    cause: facts?.message ?? '',
    remedy: 'Look at what it waited for in its log; then try again.',
    logTail: facts?.logTail ?? [],
    retryable: true,
  });
}
