import { sweepChildren } from './children.ts';
import { until } from './deadline.ts';
import { tryLock } from './lock.ts';
import { defaultStateFolder, openStateFolder } from './state-folder.ts';
import { stopProcess } from './stop-process.ts';
import { currentSupervisor, forgetSupervisor } from './supervisor-record.ts';

/** Longer than all the parts may take one after the other. */
const stopMilliseconds = 90_000;

/** `npm stop`: ends the supervisor of this checkout, in the background or not, and all it started. Answers the exit code. */
export async function stop(say: (line: string) => void): Promise<number> {
  const folder = openStateFolder(defaultStateFolder(process.env));
  const running = currentSupervisor(folder);
  if (running !== undefined) {
    say(`stopping (pid ${running.pid})`);
    const outcome = await stopProcess({ ...running, name: 'the supervisor', stopSignal: 'SIGTERM', stopMilliseconds });
    if (outcome === 'killed') say('the supervisor had to be killed');
  }
  // The lock is free once the supervisor is gone; what it may have left behind is swept under it.
  const lock = await until({ what: 'the end of the supervisor', milliseconds: 10_000 }, () => tryLock(folder.lock));
  await sweepChildren(folder, say);
  forgetSupervisor(folder);
  lock.release();
  say(running === undefined ? 'nothing was running' : 'stopped');
  return 0;
}
