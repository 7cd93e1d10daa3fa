import { readArguments } from './arguments.ts';
import type { Programs, Run } from './program.ts';
import { basic, contents, lines, posixClasses } from './text.ts';

type Edit = (line: string, number: number) => { line: string; print?: boolean; drop?: boolean; quit?: boolean };

/** The sed commands s, d, p and q, with a line or pattern address. */
function editOf(source: string, extended: boolean): Edit | undefined {
  const [, address = '', rest = ''] = /^\s*(\d+|\$|\/(?:[^/\\]|\\.)*\/)?\s*([\s\S]*)$/.exec(source) ?? [];
  const expression = (text: string, flags = ''): RegExp =>
    new RegExp(posixClasses(extended ? text : basic(text)), flags);
  const applies = (line: string, number: number): boolean => {
    if (address === '') return true;
    return address.startsWith('/') ? expression(address.slice(1, -1)).test(line) : Number(address) === number;
  };
  const verb = rest[0];
  if (verb === 'd') return (line, number) => ({ line, drop: applies(line, number) });
  if (verb === 'p') return (line, number) => ({ line, print: applies(line, number) });
  if (verb === 'q') return (line, number) => ({ line, quit: applies(line, number) });
  if (verb !== 's') return undefined;
  const separator = rest[1] ?? '/';
  const parts = rest.slice(2).split(new RegExp(`(?<!\\\\)\\${separator}`));
  const [from = '', to = '', flags = ''] = parts;
  const pattern = expression(
    from.replaceAll(`\\${separator}`, separator),
    (flags.includes('g') ? 'g' : '') + (/i/i.test(flags) ? 'i' : ''),
  );
  const replacement = (match: readonly (string | undefined)[]): string =>
    to.replaceAll(/\\(\d)|\\n|\\(.)|&/g, (whole, group: string | undefined, escaped: string | undefined) => {
      if (group !== undefined) return match[Number(group)] ?? '';
      if (whole === '\\n') return '\n';
      return escaped ?? match[0] ?? '';
    });
  return (line, number) => {
    if (!applies(line, number)) return { line };
    let changed = false;
    const next = line.replace(pattern, (...match: (string | number)[]) => {
      changed = true;
      return replacement(match.map(String));
    });
    return { line: next, print: changed && flags.includes('p') };
  };
}

async function sed(run: Run): Promise<number> {
  const { options, operands } = readArguments(
    run.args.map((one) => (one.startsWith('-i') ? '-i' : one)),
    ['e', 'expression'],
  );
  const source = options.get('e') ?? options.get('expression') ?? operands.shift() ?? '';
  const edits = source
    .split(/;(?=\s*(?:\d+|\$|\/)?\s*[sdpq])|\n/)
    .filter((one) => one.trim() !== '')
    .map((one) => editOf(one, options.has('E') || options.has('r')));
  if (edits.some((edit) => edit === undefined)) return run.fail(`-e expression #1: unknown command in "${source}"`);
  const silent = options.has('n');
  const apply = (text: string): string => {
    const done: string[] = [];
    for (const [at, original] of lines(text).entries()) {
      let line = original;
      let kept = !silent;
      let quit = false;
      for (const edit of edits) {
        const result = edit?.(line, at + 1) ?? { line };
        ({ line } = result);
        if (result.print === true) done.push(line);
        if (result.drop === true) kept = false;
        quit ||= result.quit === true;
      }
      if (kept) done.push(line);
      if (quit) break;
    }
    return done.map((line) => `${line}\n`).join('');
  };
  if (!options.has('i')) {
    const all = await contents(run, operands);
    if (all === undefined) return 2;
    run.io.out(apply(all.join('')));
    return 0;
  }
  for (const name of operands) {
    const [content] = (await contents(run, [name])) ?? [];
    if (content === undefined) return 2;
    run.shell.guest.disk.write(run.shell.path(name), Buffer.from(apply(content), 'latin1'));
  }
  return 0;
}

/** The awk that scripts use most: one `{print …}` with fields, an optional pattern before it. */
async function awk(run: Run): Promise<number> {
  const { options, operands } = readArguments(run.args, ['F', 'v']);
  const program = operands.shift() ?? '';
  const [, pattern = '', fields = '$0'] =
    /^\s*(?:\/((?:[^/\\]|\\.)*)\/|NR==\d+)?\s*(?:\{\s*print\s*([^;}]*)(?:;\s*exit)?\s*\}?)?/.exec(program) ?? [];
  const wanted = /NR==(\d+)/.exec(program)?.[1];
  const all = await contents(run, operands);
  if (all === undefined) return 2;
  const separator = options.get('F');
  for (const [at, line] of all.flatMap(lines).entries()) {
    if (pattern !== '' && !new RegExp(pattern).test(line)) continue;
    if (wanted !== undefined && Number(wanted) !== at + 1) continue;
    const parts = separator === undefined ? line.trim().split(/\s+/) : line.split(separator);
    const shown = (fields.trim() || '$0').split(/\s*,\s*/).map((field) => {
      if (field === '$NF') return parts.at(-1) ?? '';
      if (field === '$0') return line;
      return /^\$\d+$/.test(field) ? (parts[Number(field.slice(1)) - 1] ?? '') : field.replaceAll('"', '');
    });
    run.io.out(`${shown.join(' ')}\n`);
    if (/exit/.test(program)) break;
  }
  return 0;
}

function characters(set: string): string {
  return posixClasses(set.replaceAll('\\n', '\n').replaceAll('\\t', '\t')).replaceAll(
    /(.)-(.)/g,
    (_, from: string, to: string) =>
      Array.from({ length: Math.max(0, to.charCodeAt(0) - from.charCodeAt(0) + 1) }, (__, at) =>
        String.fromCharCode(from.charCodeAt(0) + at),
      ).join(''),
  );
}

async function tr(run: Run): Promise<number> {
  const { options, operands } = readArguments(run.args);
  const [from = '', to = ''] = operands.map(characters);
  const input = await run.io.input.all();
  const inside = (one: string): boolean => from.includes(one) !== (options.has('c') || options.has('C'));
  const mapped = input
    .split('')
    .map((one) => {
      if (!inside(one)) return one;
      if (options.has('d')) return '';
      return to === '' ? one : (to[Math.min(Math.max(from.indexOf(one), 0), to.length - 1)] ?? one);
    })
    .join('');
  run.io.out(options.has('s') ? mapped.replaceAll(/(.)\1+/gs, '$1') : mapped);
  return 0;
}

async function cut(run: Run): Promise<number> {
  const { options, operands } = readArguments(run.args, ['d', 'f', 'c', 'b', 'delimiter', 'fields']);
  const all = await contents(run, operands);
  if (all === undefined) return 1;
  const spec = options.get('f') ?? options.get('fields') ?? options.get('c') ?? options.get('b') ?? '1';
  const delimiter = options.get('d') ?? options.get('delimiter') ?? '\t';
  const byCharacter = options.has('c') || options.has('b');
  const wanted = (at: number): boolean =>
    spec.split(',').some((part) => {
      const [from = '', to = from] = part.split('-');
      return at >= Number(from === '' ? 1 : from) && at <= (part.endsWith('-') ? Infinity : Number(to));
    });
  for (const line of all.flatMap(lines)) {
    const parts = byCharacter ? line.split('') : line.split(delimiter);
    run.io.out(`${parts.filter((_, at) => wanted(at + 1)).join(byCharacter ? '' : delimiter)}\n`);
  }
  return 0;
}

async function sort(run: Run): Promise<number> {
  const { options, operands } = readArguments(run.args, ['k', 't', 'o']);
  const all = await contents(run, operands);
  if (all === undefined) return 2;
  const rows = all
    .flatMap(lines)
    .sort((a, b) => (options.has('n') ? Number.parseFloat(a) - Number.parseFloat(b) : a < b ? -1 : a > b ? 1 : 0));
  if (options.has('r')) rows.reverse();
  const shown = options.has('u') ? [...new Set(rows)] : rows;
  run.io.out(shown.map((row) => `${row}\n`).join(''));
  return 0;
}

async function uniq(run: Run): Promise<number> {
  const all = (await contents(run, readArguments(run.args).operands)) ?? [];
  const rows = all.flatMap(lines);
  run.io.out(
    rows
      .filter((row, at) => row !== rows[at - 1])
      .map((row) => `${row}\n`)
      .join(''),
  );
  return 0;
}

/** Commands that rewrite text. */
export const transform: Programs = { sed, awk, gawk: awk, mawk: awk, tr, cut, sort, uniq };
