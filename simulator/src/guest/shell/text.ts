import { createHash } from 'node:crypto';
import { readArguments } from './arguments.ts';
import type { Programs, Run } from './program.ts';

/** What the named files hold, or the input when none is named; nothing when one is missing, after saying so. */
export async function contents(run: Run, names: readonly string[]): Promise<string[] | undefined> {
  if (names.length === 0) return [await run.io.input.all()];
  const found: string[] = [];
  for (const name of names) {
    if (name === '-' || name === '/dev/stdin') {
      found.push(await run.io.input.all());
      continue;
    }
    const content = name === '/dev/null' ? Buffer.alloc(0) : run.shell.guest.disk.read(run.shell.path(name));
    if (content === undefined) {
      run.fail(
        `${name}: ${run.shell.guest.disk.isDirectory(run.shell.path(name)) ? 'Is a directory' : 'No such file or directory'}`,
      );
      return undefined;
    }
    found.push(content.toString('latin1'));
  }
  return found;
}

/** Lines without their ends. */
export function lines(text: string): string[] {
  const all = text.split('\n');
  if (all.at(-1) === '') all.pop();
  return all;
}

async function cat(run: Run): Promise<number> {
  let status = 0;
  for (const name of run.args
    .filter((one) => one === '-' || !one.startsWith('-'))
    .concat(run.args.some((one) => one === '-' || !one.startsWith('-')) ? [] : ['-'])) {
    const content = await contents(run, [name]);
    if (content === undefined) status = 1;
    else run.io.out(content.join(''));
  }
  return status;
}

function echo({ args, io }: Run): number {
  const plain = args[0] === '-n';
  io.out(args.slice(plain ? 1 : 0).join(' ') + (plain ? '' : '\n'));
  return 0;
}

function printf({ args, io }: Run): number {
  const [format = '', ...values] = args;
  do {
    io.out(
      unescape(format).replaceAll(
        /%(-?\d*)(?:\.(\d+))?([sdbqxc%])/g,
        (_, width: string, precision: string | undefined, kind: string) => {
          if (kind === '%') return '%';
          const value = values.shift() ?? (kind === 'd' || kind === 'x' ? '0' : '');
          const text =
            kind === 'x'
              ? Number(value).toString(16)
              : kind === 'b'
                ? unescape(value)
                : kind === 'q'
                  ? `'${value.replaceAll("'", `'\\''`)}'`
                  : value;
          const cut = precision === undefined ? text : text.slice(0, Number(precision));
          return width.startsWith('-')
            ? cut.padEnd(Number(width.slice(1)))
            : cut.padStart(Number(width), width.startsWith('0') ? '0' : ' ');
        },
      ),
    );
  } while (values.length > 0 && /%[^%]/.test(format));
  return 0;
}

function unescape(text: string): string {
  const named: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\\': '\\', a: '\x07', e: '\x1b', '0': '\0' };
  return text.replaceAll(/\\(0?[0-7]{3}|x[0-9a-fA-F]{2}|.)/g, (whole, code: string) => {
    if (/^0?[0-7]{3}$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    if (code.startsWith('x') && code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return named[code] ?? whole;
  });
}

async function grep(run: Run): Promise<number> {
  const { options, operands } = readArguments(run.args, ['e', 'm', 'A', 'B', 'C', 'regexp', 'max-count']);
  const pattern = options.get('e') ?? operands.shift() ?? '';
  const has = (...names: string[]): boolean => names.some((name) => options.has(name));
  const literal = pattern.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  const source = has('F', 'fixed-strings')
    ? literal
    : has('E', 'P', 'extended-regexp') || run.name === 'egrep'
      ? pattern
      : basic(pattern);
  const wrapped = has('w')
    ? `\\b(?:${posixClasses(source)})\\b`
    : has('x')
      ? `^(?:${posixClasses(source)})$`
      : posixClasses(source);
  const expression = new RegExp(wrapped, has('i', 'ignore-case') ? 'i' : '');
  const all = await contents(run, operands);
  if (all === undefined) return 2;
  const hits = all.flatMap(lines).filter((line) => expression.test(line) !== has('v', 'invert-match'));
  if (has('c', 'count')) run.io.out(`${hits.length}\n`);
  else if (!has('q', 'quiet', 'silent') && !has('l')) {
    for (const line of hits) run.io.out(`${has('o') ? (expression.exec(line)?.[0] ?? '') : line}\n`);
  } else if (has('l') && hits.length > 0) for (const name of operands) run.io.out(`${name}\n`);
  return hits.length > 0 ? 0 : 1;
}

/** A basic expression as an extended one: brackets and bars swap their meaning with their escaped forms. */
export function basic(pattern: string): string {
  return pattern.replaceAll(
    /\\([(){}|+?])|([(){}|+?])/g,
    (_, escaped: string | undefined, plain: string | undefined) => escaped ?? `\\${plain}`,
  );
}

export function posixClasses(pattern: string): string {
  const classes: Record<string, string> = {
    alpha: 'A-Za-z',
    digit: '0-9',
    alnum: 'A-Za-z0-9',
    space: '\\s',
    upper: 'A-Z',
    lower: 'a-z',
    punct: '!-\\/:-@\\[-`{-~',
    blank: ' \\t',
  };
  return pattern.replaceAll(/\[:(\w+):\]/g, (whole, name: string) => classes[name] ?? whole);
}

/** sha256sum and its kin, checking included. */
function hashes(algorithm: string) {
  return async (run: Run): Promise<number> => {
    const { options, operands } = readArguments(run.args);
    const digest = (content: string): string =>
      createHash(algorithm).update(Buffer.from(content, 'latin1')).digest('hex');
    const all = await contents(run, operands);
    if (all === undefined) return 1;
    if (!options.has('c') && !options.has('check')) {
      for (const [at, content] of all.entries()) run.io.out(`${digest(content)}  ${operands[at] ?? '-'}\n`);
      return 0;
    }
    let bad = 0;
    for (const line of all.flatMap(lines)) {
      const [, expected = '', name = ''] = /^([0-9a-f]+) [ *](.+)$/.exec(line) ?? [];
      const content = run.shell.guest.disk.read(run.shell.path(name));
      const good = content !== undefined && digest(content.toString('latin1')) === expected;
      if (!good) bad += 1;
      if (!options.has('status') && !options.has('quiet'))
        run.io.out(`${name}: ${good ? 'OK' : content === undefined ? 'FAILED open or read' : 'FAILED'}\n`);
    }
    return bad > 0 ? run.fail(`WARNING: ${bad} computed checksum${bad === 1 ? '' : 's'} did NOT match`) : 0;
  };
}

async function head(run: Run): Promise<number> {
  const bare = run.args.find((one) => /^-\d+$/.test(one));
  const { options, operands } = readArguments(
    run.args.filter((one) => one !== bare),
    ['n', 'c', 'lines', 'bytes'],
  );
  const all = await contents(run, operands);
  if (all === undefined) return 1;
  const text = all.join('');
  const bytes = options.get('c') ?? options.get('bytes');
  const count = bare?.slice(1) ?? options.get('n') ?? options.get('lines') ?? '10';
  const tail = run.name === 'tail';
  if (bytes !== undefined)
    run.io.out(
      tail
        ? bytes.startsWith('+')
          ? text.slice(Number(bytes) - 1)
          : text.slice(-Number(bytes))
        : text.slice(0, Number(bytes)),
    );
  else {
    const rows = lines(text);
    const kept = tail
      ? count.startsWith('+')
        ? rows.slice(Number(count) - 1)
        : rows.slice(-Number(count))
      : rows.slice(0, Number(count));
    run.io.out(kept.map((row) => `${row}\n`).join(''));
  }
  return 0;
}

async function base64(run: Run): Promise<number> {
  const { options, operands } = readArguments(run.args, ['w', 'wrap']);
  const all = await contents(run, operands);
  if (all === undefined) return 1;
  const text = all.join('');
  if (options.has('d') || options.has('decode')) run.io.out(Buffer.from(text, 'base64').toString('latin1'));
  else {
    const encoded = Buffer.from(text, 'latin1').toString('base64');
    run.io.out(options.get('w') === '0' ? encoded : encoded.replaceAll(/.{1,76}/g, '$&\n'));
  }
  return 0;
}

async function wc(run: Run): Promise<number> {
  const { options, operands } = readArguments(run.args);
  const all = await contents(run, operands);
  if (all === undefined) return 1;
  const text = all.join('');
  const counts = {
    l: text.split('\n').length - 1,
    w: text.split(/\s+/).filter((word) => word !== '').length,
    c: text.length,
  };
  const shown = (['l', 'w', 'c'] as const).filter((key) => options.size === 0 || options.has(key));
  run.io.out(`${shown.map((key) => counts[key]).join(' ')}${operands.length > 0 ? ` ${operands[0]}` : ''}\n`);
  return 0;
}

/** Commands that show, search and sum up text. */
export const text: Programs = {
  cat,
  echo,
  printf,
  grep,
  egrep: grep,
  fgrep: grep,
  head,
  tail: head,
  base64,
  wc,
  sha256sum: hashes('sha256'),
  sha1sum: hashes('sha1'),
  sha512sum: hashes('sha512'),
  md5sum: hashes('md5'),
  cmp: async (run) => {
    const all = await contents(run, readArguments(run.args).operands);
    return all === undefined ? 2 : all[0] === all[1] ? 0 : 1;
  },
  diff: async (run) => {
    const all = await contents(run, readArguments(run.args).operands);
    return all === undefined ? 2 : all[0] === all[1] ? 0 : 1;
  },
};
