import type { RunOptions } from './engines.ts';
import { startStack, type StackInfo, type StackOptions } from './stack.ts';
import { openStateFolder } from './state-folder.ts';
import { forgetSupervisor, recordSupervisor } from './supervisor-record.ts';

/** Why a supervisor ended: asked to, or by a failure that is told already. */
export type Ending = 'stopped' | 'interrupted' | 'failed';

/**
 * Starts the stack, tells when it is ready, and keeps it until `stop` aborts or a part fails; then ends everything that it started.
 * Exit codes: 0 stopped, 1 failed, 130 interrupted before it was ready.
 */
export async function supervise(
  run: Omit<RunOptions, 'signal' | 'anyPorts'>,
  options: StackOptions,
  stop: AbortSignal,
  onReady: (info: StackInfo) => void,
): Promise<Ending> {
  const folder = openStateFolder(run.stateDir);
  const asked = new Promise<undefined>((resolve) =>
    stop.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  let close: (() => Promise<void>) | undefined;
  let ready = false;
  try {
    const starting = startStack({ ...run, signal: stop, anyPorts: false }, options, (closer) => {
      close = closer;
      recordSupervisor(folder);
    });
    const stack = await Promise.race([starting, asked]);
    if (stack === undefined) {
      starting.catch(() => {});
      return 'interrupted';
    }
    ready = true;
    recordSupervisor(folder, stack.info);
    onReady(stack.info);
    const lost = await Promise.race([stack.lost, asked]);
    if (lost === undefined) return 'stopped';
    throw lost;
  } catch (error) {
    if (stop.aborted) return ready ? 'stopped' : 'interrupted';
    throw error;
  } finally {
    // Not opened: the folder is another supervisor's.
    if (close !== undefined) {
      run.say('stopping');
      recordSupervisor(folder);
      await close();
      forgetSupervisor(folder);
      run.say('stopped');
    }
  }
}
