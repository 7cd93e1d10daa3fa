import { join } from 'node:path';
import { ChildError } from './children.ts';
import { outcomeOf } from './outcome.ts';
import { checkout } from './state-folder.ts';

/** What Node is given to run the agent: its flags, then the program. */
export type AgentProgram = readonly string[];

const buildMilliseconds = 60_000;

/**
 * The agent as customers get it: a bundle, made anew when one of its sources has changed.
 * @throws ChildError with what the bundler says when it can't be made: it is not run from source instead, so that what is tried here is what is shipped
 */
export async function bundledAgent(signal: AbortSignal): Promise<AgentProgram> {
  // In a process of its own: the bundler's memory goes with it.
  const { code, stdout, stderr } = await outcomeOf(
    [join(checkout, 'agent', 'bundle.ts')],
    {},
    buildMilliseconds,
    signal,
  );
  if (code !== 0) throw new ChildError(`the agent could not be bundled (code ${code}):\n${stderr.trimEnd()}`);
  const { entry, flags } = JSON.parse(stdout) as { entry: string; flags: readonly string[] };
  return [...flags, entry];
}

/** Exchanges a join token. It goes by the environment: a command line is everyone's to read. @throws ChildError with the agent's last words */
export async function enrolAgent(
  program: AgentProgram,
  { url, dataDir, token }: { readonly url: string; readonly dataDir: string; readonly token: string },
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  const args = [...program, 'enroll', '--server', url, '--data-dir', dataDir];
  const { code, stderr } = await outcomeOf(args, { TRUFFLE_JOIN_TOKEN: token }, milliseconds, signal);
  if (code !== 0) throw new ChildError(`the demo agent could not enrol (code ${code}):\n${stderr.trimEnd()}`);
}
