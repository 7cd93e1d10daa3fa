import { posix } from 'node:path';
import type { Part, Word } from './ast.ts';
import { arithmetic } from './arithmetic.ts';
import { ShellError, type Shell } from './shell.ts';

interface Piece {
  text: string;
  quoted: boolean;
  /** A new field starts before this piece: between the members of "$@". */
  breakBefore?: boolean;
}

/** Expands words into fields: variables, commands, splitting and file names. */
export async function expandWords(shell: Shell, words: readonly Word[]): Promise<string[]> {
  const fields: string[] = [];
  for (const word of words) fields.push(...globbed(shell, split(shell, await pieces(shell, word))));
  return fields;
}

/** Expands a word into one text, without splitting. */
export async function expandText(shell: Shell, word: Word): Promise<string> {
  return (await pieces(shell, word))
    .map((piece) => (piece.breakBefore === true ? ` ${piece.text}` : piece.text))
    .join('');
}

/** Expands a pattern: quoted characters lose their meaning. */
export async function expandPattern(shell: Shell, word: Word): Promise<RegExp> {
  return globToRegExp(await pieces(shell, word));
}

async function pieces(shell: Shell, word: Word): Promise<Piece[]> {
  const found: Piece[] = [];
  for (const [at, part] of word.entries()) {
    if (at === 0 && part.kind === 'text' && !part.quoted && /^~(\/|$)/.test(part.text))
      found.push({ text: shell.home + part.text.slice(1), quoted: true });
    else found.push(...(await expandPart(shell, part)));
  }
  return found;
}

async function expandPart(shell: Shell, part: Part): Promise<Piece[]> {
  if (part.kind === 'text') return [{ text: part.text, quoted: part.quoted }];
  if (part.kind === 'command')
    return [{ text: (await shell.capture(part.script)).replace(/\n+$/, ''), quoted: part.quoted }];
  if (part.kind === 'arithmetic')
    return [
      {
        text: String(
          arithmetic(
            await expandText(shell, part.expression),
            (name) => shell.variable(name) ?? '0',
            (name, value) => shell.assign(name, value),
          ),
        ),
        quoted: part.quoted,
      },
    ];
  if (part.name === '@' && part.quoted && part.operator === '')
    return shell.positional.map((text, at) => ({ text, quoted: true, ...(at > 0 ? { breakBefore: true } : {}) }));
  return expandVariable(shell, part);
}

async function expandVariable(shell: Shell, part: Extract<Part, { kind: 'variable' }>): Promise<Piece[]> {
  const { name, operator, argument, quoted } = part;
  const value = shell.variable(name);
  const one = (text: string): Piece[] => [{ text, quoted }];
  if (operator === 'length') return one(String((value ?? '').length));
  const absent = value === undefined || (operator.startsWith(':') && value === '');
  switch (operator.replace(':', '')) {
    case '-':
      return absent ? pieces(shell, argument) : one(value);
    case '+':
      return absent ? one('') : pieces(shell, argument);
    case '=': {
      if (!absent) return one(value);
      const text = await expandText(shell, argument);
      shell.assign(name, text);
      return one(text);
    }
    case '?':
      if (absent) throw new ShellError(`${name}: ${(await expandText(shell, argument)) || 'parameter not set'}`, 2);
      return one(value);
    case '#':
    case '##':
    case '%':
    case '%%':
      return one(trim(value ?? '', operator, await expandPattern(shell, argument)));
    default:
      if (value === undefined && shell.options.nounset && !'@*'.includes(name))
        throw new ShellError(`${name}: parameter not set`, 2);
      return one(value ?? '');
  }
}

/** Cuts the shortest or longest match off the front (#) or the end (%). */
function trim(value: string, operator: string, pattern: RegExp): string {
  const lengths = Array.from({ length: value.length + 1 }, (_, length) => length);
  if (operator.length === 2) lengths.reverse();
  for (const length of lengths) {
    const candidate = operator.startsWith('#') ? value.slice(0, length) : value.slice(value.length - length);
    if (pattern.test(candidate))
      return operator.startsWith('#') ? value.slice(length) : value.slice(0, value.length - length);
  }
  return value;
}

function split(shell: Shell, all: readonly Piece[]): Piece[][] {
  const separators = shell.variable('IFS') ?? ' \t\n';
  const fields: Piece[][] = [];
  let current: Piece[] | undefined;
  for (const piece of all) {
    if (piece.breakBefore === true && current !== undefined) {
      fields.push(current);
      current = undefined;
    }
    if (piece.quoted || separators === '') {
      current = [...(current ?? []), piece];
      continue;
    }
    const parts = piece.text.split(new RegExp(`[${separators.replaceAll(/[\\\]^-]/g, '\\$&')}]+`));
    for (const [at, text] of parts.entries()) {
      if (at > 0 && current !== undefined) {
        fields.push(current);
        current = undefined;
      }
      if (text !== '') current = [...(current ?? []), { text, quoted: false }];
    }
  }
  if (current !== undefined) fields.push(current);
  return fields;
}

function globbed(shell: Shell, fields: readonly Piece[][]): string[] {
  return fields.flatMap((field) => {
    const text = field.map((piece) => piece.text).join('');
    if (!field.some((piece) => !piece.quoted && /[*?[]/.test(piece.text))) return [text];
    const absolute = text.startsWith('/');
    const root = absolute ? '/' : shell.directory;
    const base = posix.resolve(root, (text.slice(0, text.search(/[*?[]/)).match(/^.*\//) ?? [''])[0]);
    const pattern = globToRegExp(field, '[^/]');
    const hits = shell.guest.disk
      .below(base)
      .map((path) => (absolute ? path : posix.relative(root, path)))
      .filter((path) => pattern.test(path) && !posix.basename(path).startsWith('.'));
    return hits.length === 0 ? [text] : hits;
  });
}

/** Characters of a pattern as an anchored expression. */
export function globToRegExp(field: readonly { text: string; quoted: boolean }[], any = '[\\s\\S]'): RegExp {
  const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  const source = field
    .map(({ text, quoted }) => {
      if (quoted) return escape(text);
      return text.replaceAll(/\[(!?)([^\]]+)\]|[\s\S]/g, (whole, not: string | undefined, set: string | undefined) => {
        if (set !== undefined) return `[${not === '!' ? '^' : ''}${set.replaceAll('\\', '\\\\')}]`;
        if (whole === '*') return `${any}*`;
        return whole === '?' ? any : escape(whole);
      });
    })
    .join('');
  return new RegExp(`^${source}$`);
}
