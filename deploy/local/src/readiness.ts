import { ChildError, type Child } from './children.ts';
import { until } from './deadline.ts';

/**
 * Waits until a child that was just started answers its probe.
 * @throws ChildError with its last log lines when it ends first or is not ready in time
 */
export async function untilReady(child: Child, milliseconds: number, probe: () => Promise<boolean>): Promise<void> {
  const lost = Symbol('ended');
  try {
    const outcome = await until({ what: `the start of ${child.name}`, milliseconds }, async () =>
      child.hasEnded() ? lost : await probe(),
    );
    if (outcome !== lost) return;
  } catch (cause) {
    throw new ChildError(
      `${child.name} is not ready after ${milliseconds / 1000} s. Its log ends with:\n${child.logTail()}`,
      { cause },
    );
  }
  throw new ChildError(
    `${child.name} ended while starting (${await child.ended}). Its log ends with:\n${child.logTail()}`,
  );
}
