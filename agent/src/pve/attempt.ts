import type { CommandRun } from '../command/effect.ts';
import { faultOf, mayPass } from './fault.ts';
import { jitter, pause } from './pause.ts';

const tries = 6;

/** One change of the hypervisor. */
export interface Change {
  /** Whether it is as wanted already; reads what is. */
  done(): Promise<boolean>;
  /** Makes it so. @param step names the try, for the journal */
  act(step: (name: string) => string): Promise<void>;
}

/**
 * Acts until it is done: looks, acts, and judges a failed act by what it left. What may pass by itself is tried again, a few times.
 * @throws what the last act failed with, or the run's signal's reason
 */
export async function attempt(run: CommandRun, change: Change): Promise<void> {
  for (let at = 1; ; at++) {
    if (await change.done()) return;
    try {
      return await change.act((name) => (at === 1 ? name : `${name}-${at}`));
    } catch (error) {
      run.signal.throwIfAborted();
      if (faultOf(error) === undefined) throw error;
      if (at >= tries || !mayPass(error)) {
        if (await change.done()) return;
        throw error;
      }
      run.log('agent', `try ${at}: ${error instanceof Error ? error.message : String(error)}`);
    }
    await pause(jitter(at, 200, 5_000), run.signal);
  }
}
