import type { CommandRun, Json } from '../command/effect.ts';

/**
 * Runs an effect with its intent on disk before and what was observed on disk after it. The effect must be safe to run again:
 * after a crash it is.
 */
export async function journalled<T extends Json>(
  run: CommandRun,
  name: string,
  handle: Json,
  effect: () => Promise<T>,
): Promise<T> {
  const known = run.intend(name, handle);
  const observed = await effect();
  if (known.observed === undefined) run.observe(name, observed);
  return observed;
}
