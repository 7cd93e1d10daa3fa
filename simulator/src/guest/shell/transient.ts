import { bareName } from '../services.ts';
import { textInput } from './input.ts';
import type { Run } from './program.ts';
import { Exit, type Io, Killed, Shell, ShellError } from './shell.ts';

/** Characters of output a transient unit's journal keeps. */
const JOURNAL_LIMIT = 1024 * 1024;

interface Wanted {
  unit: string;
  words: string[];
  user: string;
  directory: string;
  environment: [string, string][];
  properties: Map<string, string>;
  wait: boolean;
  pipe: boolean;
  collect: boolean;
  remain: boolean;
}

const VALUED = [
  'unit',
  'property',
  'description',
  'slice',
  'uid',
  'gid',
  'nice',
  'working-directory',
  'setenv',
  'service-type',
  'on-active',
  'on-calendar',
  'u',
  'p',
  'E',
  'd',
  'M',
  'H',
];

function read(run: Run): Wanted {
  const wanted: Wanted = {
    unit: '',
    words: [],
    user: 'root',
    directory: '/',
    environment: [],
    properties: new Map(),
    wait: false,
    pipe: false,
    collect: false,
    remain: false,
  };
  let at = 0;
  for (; at < run.args.length; at += 1) {
    const word = run.args[at] ?? '';
    if (word === '--') {
      at += 1;
      break;
    }
    if (!word.startsWith('-')) break;
    const [name = '', inline] = word.replace(/^--?/, '').split(/=(.*)/s);
    const value = VALUED.includes(name) ? (inline ?? run.args[(at += 1)] ?? '') : '';
    option(wanted, name, value, run.shell);
  }
  wanted.words = run.args.slice(at);
  if (wanted.unit === '') wanted.unit = `run-u${run.shell.guest.services.units.size + 10}`;
  return wanted;
}

function option(wanted: Wanted, name: string, value: string, shell: Shell): void {
  if (name === 'unit' || name === 'u') wanted.unit = bareName(value);
  else if (name === 'uid') wanted.user = value;
  else if (name === 'working-directory') wanted.directory = value;
  else if (name === 'same-dir' || name === 'd') wanted.directory = shell.directory;
  else if (name === 'wait' || name === 'scope') wanted.wait = true;
  else if (name === 'pipe' || name === 'P' || name === 'pty' || name === 't')
    Object.assign(wanted, { pipe: true, wait: true });
  else if (name === 'collect' || name === 'G') wanted.collect = true;
  else if (name === 'remain-after-exit' || name === 'r') wanted.remain = true;
  else if (name === 'setenv' || name === 'E') {
    const [key = '', content] = value.split(/=(.*)/s);
    wanted.environment.push([key, content ?? shell.variable(key) ?? '']);
  } else if (name === 'property' || name === 'p') {
    const [key = '', content = ''] = value.split(/=(.*)/s);
    if (key === 'Environment')
      wanted.environment.push(
        ...[...content.matchAll(/"?([A-Za-z_]\w*)=([^"\s]*)"?/g)].map((match): [string, string] => [
          match[1] ?? '',
          match[2] ?? '',
        ]),
      );
    else if (key === 'User') wanted.user = content;
    else if (key === 'WorkingDirectory') wanted.directory = content;
    else wanted.properties.set(key, content);
  }
}

/** Starts a command as a unit of its own: it goes on when the one who asked is gone. */
export async function systemdRun(run: Run): Promise<number> {
  const { shell } = run;
  const { guest } = shell;
  if (shell.user !== 'root' && !run.args.includes('--user'))
    return run.fail('Failed to start transient service unit: Interactive authentication required.');
  const wanted = read(run);
  const known = guest.services.unit(wanted.unit);
  if (known !== undefined && (known.active || known.failed === true || known.transient !== true)) {
    run.io.err(
      `Failed to start transient service unit: Unit ${wanted.unit}.service was already loaded or has a fragment file.\n`,
    );
    return 1;
  }
  const unit = guest.services.declare(wanted.unit);
  Object.assign(unit, { transient: true, active: true, failed: false });
  const io = wanted.pipe ? run.io : outputs(shell, wanted);
  const work = finish(guest.startTransient(wanted.unit), shell, wanted, io);
  if (!run.args.includes('--quiet') && !run.args.includes('-q'))
    run.io.err(`Running as unit: ${wanted.unit}.service\n`);
  return wanted.wait ? work : 0;
}

function outputs(shell: Shell, wanted: Wanted): Io {
  const { guest } = shell;
  const journal = (text: string): void => {
    guest.journal.set(wanted.unit, ((guest.journal.get(wanted.unit) ?? '') + text).slice(-JOURNAL_LIMIT));
  };
  const sink = (property: string): ((text: string) => void) | undefined => {
    const [, mode, path] = /^(file|append|truncate):(.+)$/.exec(wanted.properties.get(property) ?? '') ?? [];
    if (path === undefined) return undefined;
    if (mode === 'truncate' || !guest.disk.exists(path)) guest.disk.write(path, Buffer.alloc(0));
    return (text) => guest.disk.append(path, Buffer.from(text, 'latin1'));
  };
  const out = sink('StandardOutput') ?? journal;
  return { input: textInput(''), out, err: sink('StandardError') ?? out };
}

async function finish(token: symbol, shell: Shell, wanted: Wanted, io: Io): Promise<number> {
  const { guest } = shell;
  const child = new Shell(guest, wanted.user, io, shell.engine);
  child.directory = wanted.directory;
  child.stopped = () => !guest.runsTransient(wanted.unit, token);
  for (const [key, value] of wanted.environment) {
    child.assign(key, value);
    child.exported.add(key);
  }
  const limit = wanted.properties.get('RuntimeMaxSec');
  const status = await Promise.race([
    shell.engine.runWords(child, wanted.words).catch((error: unknown) => ending(error)),
    ...(limit === undefined ? [] : [guest.clock.sleep(seconds(limit) * 1000).then(() => 143)]),
  ]);
  if (!guest.runsTransient(wanted.unit, token)) return status;
  guest.stopTransient(wanted.unit);
  const unit = guest.services.unit(wanted.unit);
  if (unit === undefined) return status;
  Object.assign(unit, { active: wanted.remain && status === 0, failed: status !== 0, result: status });
  if (!wanted.remain && (status === 0 || wanted.collect)) guest.services.units.delete(wanted.unit);
  return status;
}

function ending(error: unknown): number {
  if (error instanceof Exit || error instanceof ShellError) return error.status;
  if (error instanceof Killed) return 137;
  throw error;
}

function seconds(text: string): number {
  const units: Record<string, number> = { s: 1, sec: 1, min: 60, m: 60, h: 3600 };
  const [, amount = '0', unit = 's'] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text) ?? [];
  return Number(amount) * (units[unit === '' ? 's' : unit] ?? 1);
}
