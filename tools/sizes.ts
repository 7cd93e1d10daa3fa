import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, sourceFiles, type Findings } from './command.ts';

const wanted = 300;
const most = 400;
const source = /\.(tsx?|mjs|cjs|proto)$/;
const notOurs = /^(packages\/api\/gen|third_party)\//;
/** Lists by nature: they are bounded only. */
const unreasoned = /\.(test\.ts|proto)$/;
/** A longer file says why in its first lines: "Longer than usual because …" or the like. */
const reason = /\blong(er)?\b/i;
const headerLines = 10;

/** Files that are too long, and long ones that do not say why. */
export async function sizes(): Promise<Findings> {
  const problems: string[] = [];
  for (const file of await sourceFiles()) {
    if (!source.test(file) || notOurs.test(file)) continue;
    const lines = readFileSync(join(root, file), 'utf8').trimEnd().split('\n');
    if (lines.length > most) problems.push(`${file}: ${lines.length} lines; ${most} is the most: split it by noun`);
    else if (lines.length > wanted && !unreasoned.test(file) && !reason.test(lines.slice(0, headerLines).join('\n')))
      problems.push(`${file}: ${lines.length} lines; above ${wanted} the first ${headerLines} must say why it is long`);
  }
  return { problems };
}
