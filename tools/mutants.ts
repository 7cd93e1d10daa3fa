/**
 * Puts known faults into the protocol's code, one at a time in a copy, and says which of them the tests catch. All must be. Not part of
 * `npm test`: it takes minutes. Usage: node tools/mutants.ts [--only TEXT]…
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './command.ts';
import { mutants, type Mutant } from './mutants.table.ts';

/** What is copied: the code and the tests that try it; everything else is linked. */
const copied = ['agent', 'services/agent-gateway', 'packages/simulation', 'vitest.config.ts', 'package.json'];
/** The tests that answer fastest first; a mutant is caught by the first that fails. */
const suites = {
  units: [
    'services/agent-gateway/src/session/session.test.ts',
    'services/agent-gateway/src/session/admission.test.ts',
    'services/agent-gateway/src/agent/holder.test.ts',
    'services/agent-gateway/src/command/rules.test.ts',
    'agent/src/link/session.test.ts',
    'agent/src/journal',
    'agent/src/command',
    'agent/src/keep',
    'agent/src/identity',
    'agent/src/guest/secrets.test.ts',
  ],
  'joint simulation': ['packages/simulation'],
  "each side's simulation": ['agent/src/link/simulation.test.ts', 'services/agent-gateway/src/command/advance.test.ts'],
};

function main(): number {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true, default: [''] } } });
  const folder = mkdtempSync(join(tmpdir(), 'truffle-mutants-'));
  try {
    for (const path of copied)
      cpSync(join(root, path), join(folder, path), {
        recursive: true,
        filter: (from) => !from.endsWith('node_modules'),
      });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const chosen = mutants.filter(({ file, text }) =>
      values.only.some((wanted) => file.includes(wanted) || text.includes(wanted)),
    );
    const stale = chosen.filter(({ file, text }) => readFileSync(join(root, file), 'utf8').split(text).length !== 2);
    for (const { file, text } of stale) console.error(`${file} does not hold exactly once: ${text}`);
    if (stale.length > 0) return 1;
    if (catches(folder) !== undefined) {
      console.error('the tests fail without any mutant');
      return 1;
    }
    const missed = chosen.filter((mutant) => !isCaught(folder, mutant));
    console.log(`${chosen.length - missed.length} of ${chosen.length} mutants were caught`);
    return missed.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isCaught(folder: string, { file, text, becomes }: Mutant): boolean {
  const path = join(folder, file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    source.replace(text, () => becomes),
  );
  const begun = performance.now();
  const by = catches(folder);
  writeFileSync(path, source);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(
    `${by === undefined ? 'MISSED' : 'caught'} ${file}: ${JSON.stringify(text)} (${by ?? 'no test'}, ${seconds} s)`,
  );
  return by !== undefined;
}

/** The first suite that fails; undefined when all pass. */
function catches(folder: string): string | undefined {
  for (const [name, files] of Object.entries(suites)) {
    const { status } = spawnSync(
      join(root, 'node_modules/.bin/vitest'),
      ['run', '--project', 'unit', '--project', 'alone', '--bail', '1', '--reporter', 'dot', ...files],
      { cwd: folder, stdio: 'ignore', timeout: 300_000, env: { ...process.env, TRUFFLE_SIMULATION_RUNS: '150' } },
    );
    if (status !== 0) return name;
  }
  return undefined;
}

process.exit(main());
