import { spawn } from 'node:child_process';
import { programEnvironment } from '@truffle/config';

/** Runs Node to its end; of what it writes the last 4,000 characters are kept. */
export async function outcomeOf(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  timeout: number,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, args, {
    env: { ...programEnvironment(process.env), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    signal,
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => (said[name] = `${said[name]}${chunk.toString()}`.slice(-4_000)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, ...said };
}
