import { byCommand, type Findings } from './command.ts';
import { contract } from './contract.ts';
import { layout } from './layout.ts';
import { lockfile } from './lockfile.ts';
import { breaking, generated } from './proto.ts';
import { shell } from './shell.ts';
import { sizes } from './sizes.ts';

/** A rule that a machine watches over. */
export interface Check {
  readonly name: string;
  readonly about: string;
  run(): Promise<Findings>;
}

/** The programs of Node, and the console, whose world is the browser. */
async function types(): Promise<Findings> {
  const found = await Promise.all([byCommand('tsc', '-p', '.'), byCommand('tsc', '-p', 'console')]);
  return { problems: found.flatMap(({ problems }) => problems) };
}

/** Every check; those that answer fastest first. */
export const checks: readonly Check[] = [
  { name: 'layout', about: 'names of folders, a README in each, no names of machines', run: layout },
  { name: 'sizes', about: 'files of 400 lines at most; above 300 with a reason in the header', run: sizes },
  { name: 'lockfile', about: 'no hosts, no known-bad versions, every version pinned', run: lockfile },
  { name: 'shell', about: 'shellcheck, where there is one', run: shell },
  { name: 'contract', about: "every method's options are there and agree", run: contract },
  { name: 'format', about: 'oxfmt', run: () => byCommand('oxfmt', '--check') },
  {
    name: 'lint',
    about: 'oxlint with types: bugs, cycles, functions of 80 lines at most',
    run: () => byCommand('oxlint', '--type-aware', '--quiet'),
  },
  { name: 'types', about: 'tsc', run: types },
  {
    name: 'imports',
    about: 'who may import whom',
    run: () =>
      byCommand(
        'depcruise',
        '--config',
        '.dependency-cruiser.cjs',
        '--output-type',
        'err',
        'packages',
        'services',
        'agent',
        'cli',
        'console',
        'simulator',
        'deploy',
        'tools',
      ),
  },
  {
    name: 'dead-code',
    about: 'knip: unused files, exports and dependencies',
    run: () => byCommand('knip', '--no-progress'),
  },
  { name: 'proto-lint', about: 'buf lint', run: () => byCommand('buf', 'lint') },
  { name: 'proto-breaking', about: 'buf breaking, against the last release or main', run: breaking },
  { name: 'generated', about: 'generated code is what the contract generates', run: generated },
];
