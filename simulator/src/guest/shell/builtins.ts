import { posix } from 'node:path';

import { parse } from './parse.ts';
import type { Program, Programs, Run } from './program.ts';
import { Exit, Leave, Return, type Shell } from './shell.ts';
import { test } from './test.ts';

function set({ shell, args }: Run): number {
  const named: Record<string, keyof Shell['options']> = {
    errexit: 'errexit',
    nounset: 'nounset',
    xtrace: 'xtrace',
    pipefail: 'pipefail',
  };
  const letters: Record<string, keyof Shell['options']> = { e: 'errexit', u: 'nounset', x: 'xtrace' };
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--') {
      shell.positional = args.slice(at + 1);
      return 0;
    }
    const on = word.startsWith('-');
    if (!on && !word.startsWith('+')) {
      shell.positional = args.slice(at);
      return 0;
    }
    for (const letter of word.slice(1)) {
      const option = letter === 'o' ? named[args[(at += 1)] ?? ''] : letters[letter];
      if (option !== undefined) shell.options[option] = on;
    }
  }
  return 0;
}

function exportNames({ shell, args }: Run): number {
  for (const word of args.filter((one) => !one.startsWith('-'))) {
    const [, name = word, value] = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(word) ?? [];
    if (value !== undefined) shell.assign(name, value);
    shell.exported.add(name);
  }
  return 0;
}

async function read({ shell, args, io }: Run): Promise<number> {
  const names = args.filter((one) => !one.startsWith('-'));
  const line = await io.input.line();
  const fields = (line ?? '')
    .replace(/\n$/, '')
    .trim()
    .split(/[ \t]+/);
  for (const [at, name] of (names.length === 0 ? ['REPLY'] : names).entries()) {
    shell.assign(name, at === names.length - 1 ? fields.slice(at).join(' ') : (fields[at] ?? ''));
  }
  return line === undefined ? 1 : 0;
}

function cd({ shell, args, fail }: Run): number {
  const target = args.filter((one) => one !== '--' && one !== '-P')[0] ?? shell.home;
  const path = posix.resolve(shell.directory, target === '-' ? (shell.variable('OLDPWD') ?? '/') : target);
  if (!shell.guest.disk.isDirectory(path)) return fail(`can't cd to ${target}`, 2);
  shell.assign('OLDPWD', shell.directory);
  shell.directory = path;
  shell.assign('PWD', path);
  return 0;
}

/** Runs text in this very shell. */
async function here(shell: Shell, source: string): Promise<number> {
  return shell.engine.runList(shell, parse(source));
}

async function source({ shell, args, fail }: Run): Promise<number> {
  const content = shell.guest.disk.read(shell.path(args[0] ?? ''));
  if (content === undefined) return fail(`${args[0]}: not found`, 2);
  return here(shell, content.toString('latin1'));
}

async function command({ shell, args, io }: Run): Promise<number> {
  const lookup = args[0] === '-v' || args[0] === '-V';
  if (!lookup)
    return shell.engine.runWords(
      shell,
      args.filter((one, at) => !(at === 0 && one === '-p')),
    );
  const name = args[1] ?? '';
  const found = shell.functions.has(name) ? name : shell.engine.locate(shell, name);
  if (found === undefined) return 127;
  io.out(`${found}\n`);
  return 0;
}

function trap({ shell, args }: Run): number {
  const [action = '', ...signals] = args[0] === '--' ? args.slice(1) : args;
  if (signals.some((one) => one === 'EXIT' || one === '0'))
    shell.exitTrap = action === '-' || action === '' ? undefined : action;
  return 0;
}

async function exec({ shell, args }: Run): Promise<number> {
  if (args.length === 0) return 0;
  throw new Exit(await shell.engine.runWords(shell, args));
}

const status = ({ shell, args }: Run): number => (args[0] === undefined ? shell.status : Number(args[0]) & 255);

const nothing: Program = () => 0;

/** What belongs to the shell itself. */
export const builtins: Programs = {
  ':': nothing,
  true: nothing,
  false: () => 1,
  umask: nothing,
  ulimit: nothing,
  hash: nothing,
  alias: nothing,
  disown: nothing,
  exit: (run) => {
    throw new Exit(status(run));
  },
  return: (run) => {
    throw new Return(status(run));
  },
  break: ({ args }) => {
    throw new Leave(false, Number(args[0] ?? 1));
  },
  continue: ({ args }) => {
    throw new Leave(true, Number(args[0] ?? 1));
  },
  set,
  read,
  cd,
  trap,
  exec,
  command,
  source,
  '.': source,
  export: exportNames,
  readonly: exportNames,
  declare: exportNames,
  local: ({ shell, args }) => {
    for (const word of args) {
      const [, name = word, value = ''] = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(word) ?? [];
      shell.assign(name, value);
    }
    return 0;
  },
  unset: ({ shell, args }) => {
    for (const name of args) {
      shell.variables.delete(name);
      shell.functions.delete(name);
    }
    return 0;
  },
  shift: ({ shell, args }) => {
    shell.positional = shell.positional.slice(Number(args[0] ?? 1));
    return 0;
  },
  eval: ({ shell, args }) => here(shell, args.join(' ')),
  which: ({ shell, args, io }) => {
    const found = args.map((name) => shell.engine.locate(shell, name));
    for (const path of found) if (path !== undefined) io.out(`${path}\n`);
    return found.includes(undefined) ? 1 : 0;
  },
  type: ({ shell, args, io, fail }) => {
    const found = shell.engine.locate(shell, args[0] ?? '');
    if (found === undefined) return fail(`${args[0]}: not found`, 127);
    io.out(`${args[0]} is ${found}\n`);
    return 0;
  },
  wait: async ({ shell }) => {
    await Promise.all(shell.jobs.splice(0));
    return 0;
  },
  test: (run) => test(run.shell, run.args),
  '[': (run) => (run.args.at(-1) === ']' ? test(run.shell, run.args.slice(0, -1)) : run.fail('missing ]', 2)),
  '[[': (run) => (run.args.at(-1) === ']]' ? test(run.shell, run.args.slice(0, -1)) : run.fail('missing ]]', 2)),
  pwd: ({ shell, io }) => {
    io.out(`${shell.directory}\n`);
    return 0;
  },
};
