import { Code, ConnectError } from '@connectrpc/connect';
import { CliError, exitCodes } from '../failure/cli-error.ts';

/** What a resumed stream depends on. */
export interface ResumeOptions {
  /** Ends the stream; its reason is thrown. */
  readonly signal: AbortSignal;
  /** 0 to 1. */
  readonly random: () => number;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Told before each wait for another try, with the number of the try and why. */
  readonly onDrop?: (attempt: number, cause: ConnectError) => void;
}

const lasting = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.FailedPrecondition,
  Code.Unimplemented,
  Code.AlreadyExists,
  Code.OutOfRange,
]);
const firstWait = 250;
const longestWait = 10_000;
/** Servers send a sign of life every 15 s; a stream this silent is dead. */
const silence = 45_000;
/** Tries in a row without a message before it is given up: about eight minutes. */
const mostTries = 100;
/** As many for failures that may be the server's own and not the network's. */
const mostFaults = 5;
const faults = new Set([Code.Internal, Code.Unknown, Code.DataLoss]);

/** Full jitter: anything up to a bound that doubles with each try. Milliseconds. */
export const backoff = (attempt: number, random: () => number): number =>
  random() * Math.min(longestWait, firstWait * 2 ** Math.min(attempt, 10));

/**
 * Messages of a stream that may drop: it is opened again, after a wait, for as long as the failure may pass. `open` starts from what was seen last.
 * Ends when `open`'s stream ends and `done` says so.
 * @throws ConnectError that will stay; the signal's reason; CliError when nothing came for too many tries
 */
export async function* resumed<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  done: () => boolean,
  options: ResumeOptions,
): AsyncGenerator<T> {
  for (let attempt = 0; ; attempt++) {
    const quiet = new AbortController();
    let watchdog = setTimeout(() => quiet.abort(), silence);
    let cause = new ConnectError('the stream ended', Code.Unavailable);
    try {
      for await (const message of open(AbortSignal.any([options.signal, quiet.signal]))) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => quiet.abort(), silence);
        attempt = 0;
        yield message;
      }
      if (done()) return;
    } catch (error) {
      options.signal.throwIfAborted();
      cause = ConnectError.from(error);
      if (lasting.has(cause.code) || (faults.has(cause.code) && attempt >= mostFaults)) throw cause;
    } finally {
      clearTimeout(watchdog);
      // A reader that has seen enough leaves before the stream's end: the connection would hold the process.
      quiet.abort();
    }
    options.signal.throwIfAborted();
    if (attempt >= mostTries)
      throw new CliError(exitCodes.failure, 'CONNECTION_LOST', 'the control plane did not answer for minutes', {
        cause,
      });
    options.onDrop?.(attempt + 1, cause);
    await options.sleep(backoff(attempt, options.random), options.signal);
  }
}
