import { spawn } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');

/** What a check found: what is wrong, and what is worth saying besides. */
export interface Findings {
  readonly problems: readonly string[];
  readonly note?: string | undefined;
  /** Why nothing could be looked at. */
  readonly skipped?: string | undefined;
}

const withinMs = 180_000;

/** Runs a program of this checkout in its root. Resolves with all that it wrote; `code` is null when it had to be ended after 3 minutes. */
export function execute(
  command: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`;
  const env = { ...process.env, PATH: path, NO_COLOR: '1', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: withinMs });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((done, reject) => {
    child.once('error', reject);
    child.once('close', (code) => done({ code, output: Buffer.concat(chunks).toString('utf8').trim() }));
  });
}

/** A check that is a program: what it writes is the problem when it fails. */
export async function byCommand(command: string, ...args: readonly string[]): Promise<Findings> {
  const { code, output } = await execute(command, args);
  return { problems: code === 0 ? [] : [output === '' ? `${command} ended with ${code}` : output] };
}

/** Files that git knows or would add, relative to the root. */
export async function sourceFiles(): Promise<readonly string[]> {
  const { code, output } = await execute('git', [
    'ls-files',
    '--cached',
    '--others',
    '--exclude-standard',
    '--deduplicate',
  ]);
  if (code !== 0) throw new Error(`git ls-files: ${output}`);
  const removed = new Set((await execute('git', ['ls-files', '--deleted'])).output.split('\n'));
  return output.split('\n').filter((file) => file !== '' && !removed.has(file));
}
