import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout } from './state-folder.ts';
import { closingLine, countsVariable, readCounts, total, type TestCounts } from './test-counts.ts';

/**
 * `npm test`: the checks, then every test. `args` go to vitest (a path runs the tests there, without the checks). The last line on stdout is
 * `N passed, N failed`. Answers the exit code.
 */
export async function test(args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'truffle-test-'));
  try {
    const parts = [];
    if (args.length === 0) parts.push(await runPart(folder, 'checks', [join(checkout, 'tools', 'check.ts')]));
    const vitest = join(checkout, 'node_modules', 'vitest', 'vitest.mjs');
    const reporters = ['--reporter=default', `--reporter=${join(import.meta.dirname, 'test-count-reporter.ts')}`];
    parts.push(await runPart(folder, 'vitest', [vitest, 'run', ...reporters, ...args]));
    const counts = total(parts);
    process.stdout.write(`${closingLine(counts)}\n`);
    return counts.failed === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Part {
  readonly counts: TestCounts | undefined;
  readonly exitCode: number;
}

function runPart(folder: string, name: string, args: readonly string[]): Promise<Part> {
  const countsFile = join(folder, `${name}.json`);
  const env = { ...process.env, [countsVariable]: countsFile };
  const child = spawn(process.execPath, args, { cwd: checkout, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const pass = (signal: NodeJS.Signals): boolean => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, pass);
      resolve({ counts: existsSync(countsFile) ? readCounts(countsFile) : undefined, exitCode: code ?? 1 });
    });
  });
}
