import {
  type Alias,
  type Document,
  type Node,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type Scalar,
  type YAMLError,
} from 'yaml';
import { align } from './align.ts';
import { limits } from './limits.ts';
import { type Problem, type ProblemCode, type Place, problem, Refusal } from './problem.ts';
import { scan } from './scan.ts';
import { LineIndex } from './source.ts';

/** Plain data, as JSON has it. */
export type Data = null | boolean | number | string | readonly Data[] | { readonly [key: string]: Data };

/** Where things stand in the source, by path. */
export interface Positions {
  /** The place of a value; of its nearest ancestor when the path is not in the source. */
  value(path: string): Place;
  /** The place of a mapping's key; that of its value when it is an item of a list. */
  key(path: string): Place;
  /** The place of the character at `offset` of a text, seen through its quoting and indentation. */
  within(path: string, offset: number): Place;
}

interface Spot {
  readonly value: number;
  readonly end: number;
  readonly key: number;
  readonly text?: string;
}

/** Joins a path with a key or an index: `servers` + `web` = `servers.web`, `steps` + 0 = `steps[0]`. */
export function join(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}

const parent = (path: string): string => path.replace(/(\.[^.[\]]*|\[\d+\]|^[^.[\]]*)$/, '');

/**
 * Parses one YAML 1.2 document of the core schema into plain data with positions.
 * The nesting is measured by the parser's own, non-recursive first stage before anything recursive sees the text.
 * @param text checked by `readSource`
 * @throws Refusal
 */
export function parseDocumentText(text: string): { readonly data: Data; readonly positions: Positions } {
  const lines = new LineIndex(text);
  scan(text, lines);
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    customTags: [],
    strict: true,
    stringKeys: true,
    // The library compares every pair of keys; the conversion below finds duplicates in one pass.
    uniqueKeys: false,
    prettyErrors: false,
    // At "silent" a second document would not be reported.
    logLevel: 'error',
  });
  // After the first, errors of syntax follow from each other.
  const problems = [...document.errors, ...document.warnings].slice(0, 1).map((error) => syntaxProblem(error, lines));
  if (document.directives?.yaml.explicit === true || Object.keys(document.directives?.tags ?? {}).length > 1) {
    problems.unshift(
      problem(
        'YAML_DIRECTIVE',
        '',
        { line: 1, column: 1 },
        'YAML directives are not allowed',
        'a document without lines that start with %',
      ),
    );
  }
  if (problems.length > 0) throw new Refusal(problems);
  const converter = new Converter(text, lines);
  const data = converter.convert(document);
  if (converter.problems.length > 0) throw new Refusal(converter.problems);
  return { data, positions: converter };
}

const syntaxCodes: Readonly<Record<string, ProblemCode>> = {
  MULTIPLE_DOCS: 'MULTIPLE_DOCUMENTS',
  TAG_RESOLVE_FAILED: 'YAML_TAG',
  BAD_ALIAS: 'YAML_ALIAS',
  DUPLICATE_KEY: 'DUPLICATE_KEY',
};

function syntaxProblem(error: YAMLError, lines: LineIndex): Problem {
  const code = syntaxCodes[error.code] ?? 'YAML_SYNTAX';
  return problem(code, '', lines.place(error.pos[0]), error.message, syntaxExpectation(error.code));
}

function syntaxExpectation(code: string): string {
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'one document';
    case 'TAG_RESOLVE_FAILED':
      return 'a value without a tag';
    case 'TAB_AS_INDENT':
      return 'spaces for indentation';
    case 'NON_STRING_KEY':
      return 'keys that are text';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a value on its own line, or in quotes when it holds a colon';
    default:
      return 'YAML 1.2';
  }
}

const reserved = new Set(['__proto__', 'constructor', 'prototype']);

class Converter implements Positions {
  readonly problems: Problem[] = [];
  readonly #text: string;
  readonly #lines: LineIndex;
  readonly #spots = new Map<string, Spot>();
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  #nodes = 0;
  /** The alias that is being expanded, the outermost one. */
  #via: number | undefined;
  #aliases = 0;

  constructor(text: string, lines: LineIndex) {
    this.#text = text;
    this.#lines = lines;
  }

  convert(document: Document.Parsed): Data {
    return this.#convert(document.contents, '', 0);
  }

  value(path: string): Place {
    return this.#lines.place(this.#nearest(path).value);
  }

  key(path: string): Place {
    return this.#lines.place(this.#nearest(path).key);
  }

  within(path: string, offset: number): Place {
    const spot = this.#nearest(path);
    if (spot.text === undefined) return this.#lines.place(spot.value);
    return this.#lines.place(align(this.#text, spot.value, spot.end, spot.text, offset));
  }

  #nearest(path: string): Spot {
    for (let at = path; at !== ''; at = parent(at)) {
      const spot = this.#spots.get(at);
      if (spot !== undefined) return spot;
    }
    return this.#spots.get('') ?? { value: 0, end: 0, key: 0 };
  }

  #refuse(code: ProblemCode, path: string, offset: number, message: string, expected: string): void {
    if (this.problems.length < limits.problems)
      this.problems.push(problem(code, path, this.#lines.place(offset), message, expected));
  }

  #convert(node: Node | null, path: string, key: number): Data {
    const from = node?.range?.[0] ?? key;
    this.#nodes += 1;
    if (this.#nodes > limits.nodes) {
      this.#refuse(
        'TOO_MANY_NODES',
        path,
        this.#via ?? from,
        `The template has more than ${limits.nodes} values, aliases expanded`,
        `at most ${limits.nodes} values`,
      );
      throw new Refusal(this.problems);
    }
    if (!this.#spots.has(path)) this.#spots.set(path, this.#spot(node, from, key));
    if (isAlias(node)) return this.#alias(node, path, from);
    if (node !== null && 'anchor' in node && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#scalar(node, path, from);
    if (!isMap(node) && !isSeq(node)) return null;
    this.#open.add(node);
    const data = isMap(node)
      ? this.#map(node.items, path, from)
      : node.items.map((item, at) => this.#convert(item as Node, join(path, at), (item as Node).range?.[0] ?? from));
    this.#open.delete(node);
    return data;
  }

  #spot(node: Node | null, from: number, key: number): Spot {
    const end = node?.range?.[1] ?? from;
    return isScalar(node) && typeof node.value === 'string'
      ? { value: from, end, key, text: node.value }
      : { value: from, end, key };
  }

  #alias(node: Alias, path: string, from: number): Data {
    this.#aliases += 1;
    const target = this.#anchors.get(node.source);
    if (this.#aliases > limits.aliases) {
      this.#refuse(
        'YAML_ALIAS',
        path,
        from,
        `The template has more than ${limits.aliases} aliases`,
        `at most ${limits.aliases} aliases`,
      );
      throw new Refusal(this.problems);
    }
    if (target === undefined || this.#open.has(target)) {
      this.#refuse(
        'YAML_ALIAS',
        path,
        from,
        `The alias *${node.source} refers to ${target === undefined ? 'nothing before it' : 'itself'}`,
        'an anchor that stands before',
      );
      return null;
    }
    const outer = this.#via;
    this.#via ??= from;
    const data = this.#convert(target, path, from);
    this.#via = outer;
    return data;
  }

  #scalar(node: Scalar, path: string, from: number): Data {
    const value = node.value;
    if (
      typeof value === 'number' &&
      (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
    ) {
      this.#refuse(
        'NUMBER_OUT_OF_RANGE',
        path,
        from,
        `The number ${String(node.source).slice(0, 40)} cannot be held exactly`,
        'a number between -(2^53-1) and 2^53-1',
      );
      return 0;
    }
    if (typeof value === 'string' && value.length > limits.textLength) {
      this.#refuse(
        'TEXT_TOO_LONG',
        path,
        from,
        `The text has ${value.length} characters`,
        `at most ${limits.textLength} characters`,
      );
      return '';
    }
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
  }

  #map(items: readonly { readonly key: unknown; readonly value: unknown }[], path: string, from: number): Data {
    const data: Record<string, Data> = {};
    for (const item of items) {
      const keyNode = item.key;
      const at = (isScalar(keyNode) || isAlias(keyNode) ? keyNode.range?.[0] : undefined) ?? from;
      if (!isScalar(keyNode) || typeof keyNode.value !== 'string') {
        this.#refuse('YAML_SYNTAX', path, at, 'A key is not a text', 'keys that are text');
        continue;
      }
      const key = keyNode.value;
      const inner = join(path, key);
      if (key === '<<') this.#refuse('MERGE_KEY', path, at, 'Merge keys (<<) are not allowed', 'the keys written out');
      else if (reserved.has(key)) this.#refuse('RESERVED_KEY', path, at, `The key ${key} is reserved`, 'another name');
      else if (Object.hasOwn(data, key))
        this.#refuse('DUPLICATE_KEY', inner, at, `The key ${key.slice(0, 60)} stands twice`, 'each key once');
      else data[key] = this.#convert(item.value as Node | null, inner, at);
    }
    return data;
  }
}
