import type { Programs, Run } from './program.ts';
import { Shell } from './shell.ts';

/** `sh`, `bash`: a script by -c, from a file or from the input. */
async function sh({ shell, args, io, fail }: Run): Promise<number> {
  const child = shell.child();
  child.functions.clear();
  Object.assign(child.options, { errexit: false, nounset: false, xtrace: false, pipefail: false });
  let at = 0;
  let command = false;
  let input = false;
  for (; at < args.length && /^[-+]/.test(args[at] ?? ''); at += 1) {
    const word = args[at] ?? '';
    if (word === '--' || word === '-') {
      at += 1;
      break;
    }
    if (word.startsWith('--')) continue;
    for (const letter of word.slice(1)) {
      if (letter === 'c') command = true;
      else if (letter === 's') input = true;
      else if (letter === 'o') {
        if (args[at + 1] === 'pipefail') child.options.pipefail = true;
        at += 1;
      } else if (letter === 'e') child.options.errexit = true;
      else if (letter === 'u') child.options.nounset = true;
      else if (letter === 'x') child.options.xtrace = true;
    }
  }
  const rest = args.slice(at);
  if (command) {
    child.name = rest[1] ?? 'sh';
    child.positional = rest.slice(2);
    return shell.engine.runSource(child, rest[0] ?? '');
  }
  if (input || rest.length === 0) {
    child.positional = rest;
    return shell.engine.runSource(child, await io.input.all());
  }
  const content = shell.guest.disk.read(shell.path(rest[0] ?? ''));
  if (content === undefined) return fail(`0: cannot open ${rest[0]}: No such file`, 2);
  child.name = rest[0] ?? 'sh';
  child.positional = rest.slice(1);
  return shell.engine.runSource(child, content.toString('latin1'));
}

/** Runs the rest of the line as another user. */
async function as(run: Run, user: string, words: readonly string[]): Promise<number> {
  const child = new Shell(run.shell.guest, user, run.io, run.shell.engine, run.shell);
  child.assign('USER', user);
  child.assign('HOME', user === 'root' ? '/root' : `/home/${user}`);
  return words.length === 0 ? 0 : run.shell.engine.runWords(child, words);
}

async function sudo(run: Run): Promise<number> {
  const words = [...run.args];
  let user = 'root';
  while (words[0]?.startsWith('-') === true) {
    const option = words.shift() ?? '';
    if (option === '--') break;
    if (/^-[a-zA-Z]*[ugpCD]$/.test(option)) {
      const value = words.shift() ?? '';
      if (option.endsWith('u')) user = value;
    } else if (option.startsWith('--user=')) user = option.slice(7);
    else if (/^-[a-zA-Z]*[si]$/.test(option) && words.length === 0) words.push('sh');
  }
  const assigned = words.splice(
    0,
    words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word)),
  );
  return assigned.length === 0 ? as(run, user, words) : as(run, user, ['env', ...assigned, ...words]);
}

/** Drops options and their values in front of the command that a wrapper runs. */
function rest(args: readonly string[], valued: readonly string[], operands = 0): string[] {
  const words = [...args];
  while (words[0]?.startsWith('-') === true) {
    const option = words.shift() ?? '';
    if (option === '--') break;
    if (valued.includes(option)) words.shift();
  }
  return words.slice(operands);
}

async function env(run: Run): Promise<number> {
  const words = rest(run.args, ['-u', '-C']);
  const child = run.shell.child();
  while (words[0] !== undefined && /^[A-Za-z_]\w*=/.test(words[0])) {
    const [, name = '', value = ''] = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(words.shift() ?? '') ?? [];
    child.assign(name, value);
    child.exported.add(name);
  }
  if (words.length > 0) return run.shell.engine.runWords(child, words);
  for (const name of child.exported) run.io.out(`${name}=${child.variables.get(name) ?? ''}\n`);
  return 0;
}

async function runuser(run: Run): Promise<number> {
  const at = run.args.indexOf('-u');
  const command = run.args.indexOf('-c');
  const user =
    at >= 0
      ? (run.args[at + 1] ?? 'root')
      : (run.args.find((one, place) => !one.startsWith('-') && run.args[place - 1] !== '-c') ?? 'root');
  if (command >= 0) return as(run, user, ['sh', '-c', run.args[command + 1] ?? '']);
  const split = run.args.indexOf('--');
  return as(run, user, split >= 0 ? run.args.slice(split + 1) : run.args.slice(at + 2));
}

async function xargs(run: Run): Promise<number> {
  const words = rest(run.args, ['-n', '-I', '-P', '-d', '-L']);
  const items = (await run.io.input.all()).split(/[\s\0]+/).filter((item) => item !== '');
  return items.length === 0
    ? 0
    : run.shell.engine.runWords(run.shell, [...(words.length === 0 ? ['echo'] : words), ...items]);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `timeout`: 124 when the time is up; what still runs stops at its next step. */
async function timeout(run: Run): Promise<number> {
  const [limit = '0', ...words] = rest(run.args, ['-k', '-s', '--signal', '--kill-after']);
  const { shell } = run;
  const child = shell.child();
  let late = false;
  child.stopped = () => late || shell.stopped();
  const ms = Number.parseFloat(limit) * (SECONDS[limit.at(-1) ?? 's'] ?? 1) * 1000;
  const work = shell.engine.runWords(child, words);
  if (!(ms > 0)) return work;
  const expired = Symbol('expired');
  const first = await Promise.race([work, shell.guest.clock.sleep(ms).then(() => expired)]);
  if (typeof first === 'number') return first;
  late = true;
  work.catch(() => undefined);
  return 124;
}

const plain =
  (valued: readonly string[], operands = 0) =>
  (run: Run): Promise<number> =>
    run.shell.engine.runWords(run.shell, rest(run.args, valued, operands));

/** Commands that run another command. */
export const wrappers: Programs = {
  sh,
  bash: sh,
  dash: sh,
  sudo,
  env,
  runuser,
  su: runuser,
  xargs,
  nohup: plain([]),
  setsid: plain([]),
  nice: plain(['-n']),
  ionice: plain(['-c', '-n']),
  stdbuf: plain(['-o', '-e', '-i']),
  time: plain([]),
  chronic: plain([]),
  unshare: plain([]),
  timeout,
  flock: plain(['-w', '-E'], 1),
  busybox: plain([]),
};
