import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));
const recordings = resolve(root, '../shared/pve');
const folders = [
  'packages/*/src',
  'services/*/src',
  'agent/src',
  'cli/src',
  'simulator/src',
  'console/src',
  'deploy',
  'templates',
  'tools',
];
const tests = folders
  .flatMap((folder) => globSync(`${folder}/**/*.test.ts`, { cwd: root, exclude: ['**/node_modules/**'] }))
  .toSorted();
/** The console in a browser, on the product as `npm start` makes it. */
const inBrowser = globSync('console/e2e/*.test.ts', { cwd: root }).toSorted();

/** Whether a test, or a fixture beside it that it imports, says this. */
function says(pattern: RegExp, file: string, seen = new Set<string>()): boolean {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const source = readFileSync(file, 'utf8');
  if (pattern.test(source)) return true;
  return [...source.matchAll(/from '(\.[^']+\.fixture\.ts)'/g)].some(([, path]) =>
    says(pattern, resolve(dirname(file), path ?? ''), seen),
  );
}

const testsThatSay = (pattern: RegExp): ReadonlySet<string> =>
  new Set(tests.filter((file) => says(pattern, resolve(root, file))));
/** They use the testkit, and so the engines that the kit starts; what it has beside its index needs none. */
const withEngines = testsThatSay(/from '@truffle\/testkit'/);
/** They set what a library reads when it is loaded, so that it must not be there yet. */
const withOwnProcess = testsThatSay(/vi\.hoisted\(/);
/** They boot machines, each of which keeps a processor busy. */
const withGuests = testsThatSay(/ensureImage\(/);

const shared = {
  // Sources run as they are, as in production: by Node itself.
  experimental: { viteModuleRunner: false },
  pool: 'forks',
  // A worker loads the product once for all the files that it runs: a third of what a run computed was that.
  isolate: false,
  // Guards against a hang only: no test may need it.
  testTimeout: 60_000,
  hookTimeout: 120_000,
  // Real processes on CI's two shared cores: what fails is tried once more there, and the report shows what needed it.
  retry: process.env['CI'] === undefined ? 0 : 1,
  env: process.env['PVE_RECORDINGS'] === undefined && existsSync(recordings) ? { PVE_RECORDINGS: recordings } : {},
} as const;

/** Tests lie beside the code. Those that need engines share one set of them; the others start at once. */
export default defineConfig({
  test: {
    // Tests wait for engines, browsers and machines most of their time: two of them leave two processors idle.
    maxWorkers: 3,
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: tests.filter((file) => ![withEngines, withGuests, withOwnProcess].some((set) => set.has(file))),
        },
      },
      {
        test: {
          ...shared,
          name: 'alone',
          include: [...withOwnProcess],
          isolate: true,
        },
      },
      {
        test: {
          ...shared,
          name: 'engines',
          include: [...withEngines].filter((file) => !withGuests.has(file)),
          globalSetup: ['packages/testkit/src/global-setup.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'guests',
          include: [...withGuests],
          globalSetup: ['packages/testkit/src/global-setup.ts'],
          // After the others, one for each processor.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...shared,
          name: 'console',
          include: inBrowser,
          // They ask whether they are inside a test: of shared modules, the file before answers.
          isolate: true,
          globalSetup: ['console/e2e/setup.fixture.ts'],
          hookTimeout: 300_000,
          expect: { poll: { timeout: 15_000 } },
        },
      },
    ],
  },
});
