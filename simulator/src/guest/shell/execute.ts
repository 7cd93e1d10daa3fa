import { DiskFull } from '../disk.ts';
import type { AndOr, Command, List, Pipeline, Redirect } from './ast.ts';
import { expandPattern, expandText, expandWords } from './expand.ts';
import { textInput } from './input.ts';
import { Exit, type Io, Leave, Return, type Shell } from './shell.ts';

/** Runs a list; `tested` says that a failure decides something and so does not end the script. */
export async function runList(shell: Shell, list: List, tested = false): Promise<number> {
  for (const item of list) {
    if (item.background) {
      const child = shell.child({ input: textInput('') });
      shell.jobs.push(runAndOr(child, item, false).catch(() => undefined));
      shell.status = 0;
    } else await runAndOr(shell, item, tested);
  }
  return shell.status;
}

async function runAndOr(shell: Shell, item: AndOr, tested: boolean): Promise<number> {
  const last = item.rest.length;
  shell.status = await runPipeline(shell, item.first, tested || last > 0);
  for (const [at, { operator, pipeline }] of item.rest.entries()) {
    if ((operator === '&&') !== (shell.status === 0)) continue;
    shell.status = await runPipeline(shell, pipeline, tested || at < last - 1);
  }
  return shell.status;
}

async function runPipeline(shell: Shell, pipeline: Pipeline, tested: boolean): Promise<number> {
  const guarded = tested || pipeline.negated;
  const status = await runStages(shell, pipeline, guarded);
  if (pipeline.negated) return status === 0 ? 1 : 0;
  if (status !== 0 && !guarded && shell.options.errexit) throw new Exit(status);
  return status;
}

async function runStages(shell: Shell, pipeline: Pipeline, tested: boolean): Promise<number> {
  const [only] = pipeline.commands;
  if (pipeline.commands.length === 1 && only !== undefined) return runCommand(shell, only, tested);
  let input = shell.io.input;
  let status = 0;
  let worst = 0;
  for (const [at, command] of pipeline.commands.entries()) {
    let text = '';
    const last = at === pipeline.commands.length - 1;
    const child = shell.child({
      input,
      ...(last
        ? {}
        : {
            out: (more: string) => {
              text += more;
            },
          }),
    });
    status = await runCommand(child, command, true).catch(exitStatus);
    if (status !== 0) worst = status;
    input = textInput(text);
  }
  return shell.options.pipefail ? worst : status;
}

function exitStatus(error: unknown): number {
  if (error instanceof Exit) return error.status;
  throw error;
}

/** Runs one command with its redirections; answers its exit status. */
export async function runCommand(shell: Shell, command: Command, tested: boolean): Promise<number> {
  shell.step();
  const before = shell.io;
  const opened = await redirect(shell, command.redirects);
  if (opened === undefined) return (shell.status = 1);
  shell.io = opened.io;
  try {
    return (shell.status = await runKind(shell, command, tested));
  } catch (error) {
    if (!(error instanceof DiskFull)) throw error;
    shell.io.err(`sh: ${error.message}\n`);
    return (shell.status = 1);
  } finally {
    shell.io = before;
  }
}

async function runKind(shell: Shell, command: Command, tested: boolean): Promise<number> {
  switch (command.kind) {
    case 'simple':
      return runSimple(shell, command, tested);
    case 'group':
      return runList(shell, command.body, tested);
    case 'subshell':
      return runList(shell.child(), command.body, tested).catch(exitStatus);
    case 'function':
      shell.functions.set(command.name, command.body);
      return 0;
    case 'if':
      for (const branch of command.branches)
        if ((await runList(shell, branch.test, true)) === 0) return runList(shell, branch.body, tested);
      shell.status = 0;
      return command.otherwise === undefined ? 0 : runList(shell, command.otherwise, tested);
    case 'for':
      return runFor(shell, command, tested);
    case 'while':
      return runWhile(shell, command, tested);
    case 'case':
      return runCase(shell, command, tested);
  }
}

async function runFor(shell: Shell, command: Extract<Command, { kind: 'for' }>, tested: boolean): Promise<number> {
  const items = command.words === undefined ? shell.positional : await expandWords(shell, command.words);
  let status = 0;
  for (const item of items) {
    shell.assign(command.name, item);
    const turn = await loopTurn(shell, command.body, tested);
    status = turn.status;
    if (turn.leave) break;
  }
  return status;
}

async function runWhile(shell: Shell, command: Extract<Command, { kind: 'while' }>, tested: boolean): Promise<number> {
  let status = 0;
  while (((await runList(shell, command.test, true)) === 0) !== command.until) {
    shell.step();
    const turn = await loopTurn(shell, command.body, tested);
    status = turn.status;
    if (turn.leave) break;
  }
  return status;
}

async function loopTurn(shell: Shell, body: List, tested: boolean): Promise<{ status: number; leave: boolean }> {
  try {
    return { status: await runList(shell, body, tested), leave: false };
  } catch (error) {
    if (!(error instanceof Leave)) throw error;
    error.levels -= 1;
    if (error.levels > 0) throw error;
    return { status: 0, leave: !error.again };
  }
}

async function runCase(shell: Shell, command: Extract<Command, { kind: 'case' }>, tested: boolean): Promise<number> {
  const text = await expandText(shell, command.word);
  for (const arm of command.arms) {
    for (const pattern of arm.patterns) {
      if ((await expandPattern(shell, pattern)).test(text)) return runList(shell, arm.body, tested);
    }
  }
  return 0;
}

async function runSimple(
  shell: Shell,
  command: Extract<Command, { kind: 'simple' }>,
  tested: boolean,
): Promise<number> {
  shell.substituted = undefined;
  const words = await expandWords(shell, command.words);
  const assigned: [string, string][] = [];
  for (const { name, value } of command.assigns) assigned.push([name, await expandText(shell, value)]);
  if (words.length === 0) {
    for (const [name, value] of assigned) shell.assign(name, value);
    return shell.substituted ?? 0;
  }
  if (shell.options.xtrace) shell.io.err(`+ ${words.join(' ')}\n`);
  const [name = ''] = words;
  const body = shell.functions.get(name);
  if (body !== undefined) return callFunction(shell, body, words.slice(1), tested);
  const before = assigned.map(([key]) => [key, shell.variables.get(key), shell.exported.has(key)] as const);
  for (const [key, value] of assigned) {
    shell.assign(key, value);
    shell.exported.add(key);
  }
  try {
    return await shell.engine.runWords(shell, words);
  } finally {
    for (const [key, value, wasExported] of before) {
      if (value === undefined) shell.variables.delete(key);
      else shell.variables.set(key, value);
      if (!wasExported) shell.exported.delete(key);
    }
  }
}

async function callFunction(shell: Shell, body: Command, args: string[], tested: boolean): Promise<number> {
  const before = shell.positional;
  shell.positional = args;
  try {
    return await runCommand(shell, body, tested);
  } catch (error) {
    if (error instanceof Return) return error.status;
    throw error;
  } finally {
    shell.positional = before;
  }
}

/** Opens what a command redirects; nothing when that fails, after saying why. */
async function redirect(shell: Shell, redirects: readonly Redirect[]): Promise<{ io: Io } | undefined> {
  const io = { ...shell.io };
  const { disk } = shell.guest;
  for (const one of redirects) {
    const target = await expandText(shell, one.target);
    if (one.operator === '<<') io.input = textInput(target);
    else if (one.operator === '<>' && one.fd > 0) {
      const write = over(shell, target);
      if (one.fd === 2) io.err = write;
      else io.out = write;
    } else if (one.operator === '<' || one.operator === '<>') {
      const content = target === '/dev/null' ? Buffer.alloc(0) : disk.read(shell.path(target));
      if (content === undefined) return complain(shell, `cannot open ${target}: No such file`);
      io.input = textInput(content.toString('latin1'));
    } else if (one.operator === '>&') {
      const source = target === '2' ? io.err : target === '1' ? io.out : () => undefined;
      if (one.fd === 2) io.err = source;
      else io.out = source;
    } else if (one.operator !== '<&') {
      const write = sink(shell, target, one.operator === '>>');
      if (write === undefined)
        return complain(
          shell,
          `cannot create ${target}: ${disk.isDirectory(shell.path(target)) ? 'Is a directory' : 'Directory nonexistent'}`,
        );
      if (one.fd === 2) io.err = write;
      else io.out = write;
    }
  }
  return { io };
}

function complain(shell: Shell, what: string): undefined {
  shell.io.err(`sh: ${what}\n`);
  return undefined;
}

/** Writes over what the file holds, from its beginning; what is beyond stays. */
function over(shell: Shell, target: string): (text: string) => void {
  const { disk } = shell.guest;
  const path = shell.path(target);
  let at = 0;
  return (text) => {
    const before = disk.read(path) ?? Buffer.alloc(0);
    const written = Buffer.from(text, 'latin1');
    disk.write(path, Buffer.concat([before.subarray(0, at), written, before.subarray(at + written.length)]));
    at += written.length;
  };
}

function sink(shell: Shell, target: string, append: boolean): ((text: string) => void) | undefined {
  if (target === '/dev/null') return () => undefined;
  if (target === '/dev/stderr') return shell.io.err;
  if (target === '/dev/stdout') return shell.io.out;
  const { disk } = shell.guest;
  const path = shell.path(target);
  if (disk.isDirectory(path) || !disk.hasParent(path)) return undefined;
  if (!append || !disk.exists(path)) disk.write(path, Buffer.alloc(0));
  return (text) => disk.append(path, Buffer.from(text, 'latin1'));
}
