import { isRunning, signalProcess, type ProcessIdentity } from './process-identity.ts';
import { DeadlineError, until } from './deadline.ts';

/** A process and how it wants to be ended. Plain data: it is written to the state folder and told to the guard. */
export interface Stoppable extends ProcessIdentity {
  readonly name: string;
  /** The signal that asks for an orderly end. */
  readonly stopSignal: NodeJS.Signals;
  /** How long the orderly end may take before SIGKILL, in milliseconds. */
  readonly stopMilliseconds: number;
}

/**
 * Asks the process to end, kills it when it does not in its time, and answers once it is gone. Safe on a process that is
 * already gone, and on a pid that another process has by now.
 */
export async function stopProcess(process: Stoppable): Promise<'gone' | 'stopped' | 'killed'> {
  if (!signalProcess(process, process.stopSignal)) return 'gone';
  const gone = (milliseconds: number): Promise<true> =>
    until({ what: `the end of ${process.name}`, milliseconds }, () => !isRunning(process));
  try {
    await gone(process.stopMilliseconds);
    return 'stopped';
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    signalProcess(process, 'SIGKILL');
    await gone(5000);
    return 'killed';
  }
}
