import { join } from 'node:path';
import { ChildError } from './children.ts';
import { outcomeOf } from './outcome.ts';
import { checkout } from './state-folder.ts';

const buildMilliseconds = 120_000;

/** The built console, made anew when one of its sources has changed. @returns its folder @throws ChildError with what the bundler says */
export async function builtConsole(signal: AbortSignal): Promise<string> {
  const build = join(checkout, 'console', 'build.ts');
  const { code, stdout, stderr } = await outcomeOf([build], {}, buildMilliseconds, signal);
  if (code !== 0) throw new ChildError(`the console could not be built (code ${code}):\n${stderr.trimEnd()}`);
  return (JSON.parse(stdout) as { folder: string }).folder;
}
