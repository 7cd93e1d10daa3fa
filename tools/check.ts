import { writeFileSync } from 'node:fs';
import { checks, type Check } from './checks.ts';

/** What came of a check. */
interface Outcome {
  readonly name: string;
  readonly ok: boolean;
  readonly skipped: boolean;
  readonly seconds: number;
  /** What is wrong, or what the check has to say. */
  readonly output: string;
}

const usage = `usage: node tools/check.ts [name…] [--json]\n\n${checks.map((c) => `  ${c.name.padEnd(14)} ${c.about}`).join('\n')}\n`;

async function run(check: Check): Promise<Outcome> {
  const began = performance.now();
  const found = await check.run().catch((error: unknown) => ({
    problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
    note: undefined,
    skipped: undefined,
  }));
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return {
    name: check.name,
    ok: found.problems.length === 0,
    skipped: found.skipped !== undefined,
    seconds,
    output: [
      ...found.problems,
      ...(found.note === undefined ? [] : [found.note]),
      ...(found.skipped === undefined ? [] : [`SKIPPED: ${found.skipped}`]),
    ].join('\n'),
  };
}

/** Runs the named checks, or all, one after the other; each counts as one test. */
async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => !arg.startsWith('-'));
  const unknown = names.filter((name) => !checks.some((c) => c.name === name));
  if (args.includes('--help') || unknown.length > 0 || args.some((arg) => arg.startsWith('-') && arg !== '--json')) {
    process.stderr.write(unknown.length > 0 ? `no check is called ${unknown.join(', ')}\n\n${usage}` : usage);
    return args.includes('--help') ? 0 : 2;
  }
  const json = args.includes('--json');
  const outcomes: Outcome[] = [];
  for (const check of checks.filter((c) => names.length === 0 || names.includes(c.name))) {
    const outcome = await run(check);
    outcomes.push(outcome);
    if (!json)
      process.stdout.write(
        `${!outcome.ok ? '✗' : outcome.skipped ? '-' : '✓'} ${outcome.name} (${outcome.seconds} s)\n${outcome.output === '' ? '' : `${outcome.output.replaceAll(/^/gm, '    ')}\n`}`,
      );
  }
  if (json) process.stdout.write(`${JSON.stringify(outcomes)}\n`);
  const failed = outcomes.filter((o) => !o.ok).length;
  const skipped = outcomes.filter((o) => o.ok && o.skipped).length;
  const counts = { passed: outcomes.length - failed - skipped, failed, skipped };
  const countsFile = process.env['TRUFFLE_TEST_COUNTS'];
  if (countsFile !== undefined) writeFileSync(countsFile, JSON.stringify(counts));
  if (!json)
    process.stdout.write(
      `checks: ${counts.passed} passed, ${counts.failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}\n`,
    );
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
