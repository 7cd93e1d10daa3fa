import { type Part, SyntaxProblem, type Word } from './ast.ts';

/** Reads words, quotes and expansions out of a script; the parser sits on top. */
export class Scanner {
  readonly source: string;
  at = 0;
  /** Parses a nested `$(…)`; set by the parser. */
  parseNested: (source: string) => Extract<Part, { kind: 'command' }>['script'] = () => [];

  constructor(source: string) {
    this.source = source;
  }

  get line(): number {
    return this.source.slice(0, this.at).split('\n').length;
  }

  fail(what: string): never {
    throw new SyntaxProblem(`Syntax error: ${what}`, this.line);
  }

  peek(length = 1): string {
    return this.source.slice(this.at, this.at + length);
  }

  /** Skips blanks, continued lines and comments. */
  skipBlanks(): void {
    for (;;) {
      const next = this.peek();
      if (next === ' ' || next === '\t' || next === '\r') this.at += 1;
      else if (this.peek(2) === '\\\n') this.at += 2;
      else if (next === '#') {
        const end = this.source.indexOf('\n', this.at);
        this.at = end < 0 ? this.source.length : end;
      } else return;
    }
  }

  /** The word here, or nothing when an operator or the end comes. */
  word(): Word | undefined {
    const parts: Word = [];
    let any = false;
    while (this.at < this.source.length && !/[\s;&|<>()]/.test(this.peek())) {
      any = true;
      this.piece(parts);
    }
    return any ? parts : undefined;
  }

  private piece(parts: Word): void {
    const next = this.peek();
    if (next === "'") {
      const end = this.source.indexOf("'", this.at + 1);
      if (end < 0) this.fail('Unterminated quoted string');
      parts.push({ kind: 'text', text: this.source.slice(this.at + 1, end), quoted: true });
      this.at = end + 1;
    } else if (next === '"') {
      this.at += 1;
      parts.push({ kind: 'text', text: '', quoted: true }, ...this.quoted('"'));
      this.at += 1;
    } else if (next === '\\') {
      if (this.peek(2) !== '\\\n') parts.push({ kind: 'text', text: this.source[this.at + 1] ?? '', quoted: true });
      this.at += 2;
    } else if (next === '$' || next === '`') {
      parts.push(this.expansion(false));
    } else {
      const text = /^[^\s;&|<>()'"\\$`]+/.exec(this.source.slice(this.at))?.[0] ?? next;
      parts.push({ kind: 'text', text, quoted: false });
      this.at += text.length;
    }
  }

  /** Everything up to a closing quote (or to the end, for here-documents), with its expansions. */
  quoted(end: '"' | ''): Word {
    const parts: Word = [];
    let text = '';
    const flush = (): void => {
      if (text !== '') parts.push({ kind: 'text', text, quoted: true });
      text = '';
    };
    while (end === '' ? this.at < this.source.length : this.peek() !== end) {
      if (this.at >= this.source.length) this.fail('Unterminated quoted string');
      const next = this.peek();
      if (
        next === '\\' &&
        /[$`"\\\n]/.test(this.source[this.at + 1] ?? '') &&
        !(end === '' && this.source[this.at + 1] === '"')
      ) {
        if (this.source[this.at + 1] !== '\n') text += this.source[this.at + 1] ?? '';
        this.at += 2;
      } else if (next === '$' || next === '`') {
        flush();
        parts.push(this.expansion(true));
      } else {
        text += next;
        this.at += 1;
      }
    }
    flush();
    return parts;
  }

  private expansion(quoted: boolean): Part {
    if (this.peek() === '`') return this.backticks(quoted);
    if (this.peek(3) === '$((') return this.arithmetic(quoted);
    if (this.peek(2) === '$(') {
      const inner = this.balanced(this.at + 2);
      this.at += inner.length + 3;
      return { kind: 'command', script: this.parseNested(inner), quoted };
    }
    if (this.peek(2) === '${') return this.braces(quoted);
    const name = /^\$([A-Za-z_]\w*|[0-9@*#?$!-])/.exec(this.source.slice(this.at))?.[1];
    this.at += 1 + (name?.length ?? 0);
    if (name === undefined) return { kind: 'text', text: '$', quoted };
    return { kind: 'variable', name, operator: '', argument: [], quoted };
  }

  private backticks(quoted: boolean): Part {
    const end = this.source.indexOf('`', this.at + 1);
    if (end < 0) this.fail('EOF in backquote substitution');
    const inner = this.source.slice(this.at + 1, end).replaceAll(/\\([\\`$])/g, '$1');
    this.at = end + 1;
    return { kind: 'command', script: this.parseNested(inner), quoted };
  }

  private arithmetic(quoted: boolean): Part {
    const inner = this.balanced(this.at + 3);
    if (this.source[this.at + 3 + inner.length + 1] !== ')') {
      const script = this.balanced(this.at + 2);
      this.at += script.length + 3;
      return { kind: 'command', script: this.parseNested(script), quoted };
    }
    this.at += inner.length + 5;
    const scanner = new Scanner(inner);
    scanner.parseNested = this.parseNested;
    return { kind: 'arithmetic', expression: scanner.quoted(''), quoted };
  }

  private braces(quoted: boolean): Part {
    const match = /^\$\{(#?)([A-Za-z_]\w*|[0-9@*#?$!-])(:?[-=?+]|##?|%%?)?/.exec(this.source.slice(this.at));
    if (match === null) this.fail('Bad substitution');
    const [whole, length = '', name = '', operator = ''] = match;
    this.at += whole.length;
    if (length === '#') {
      this.expect('}');
      return { kind: 'variable', name, operator: 'length', argument: [], quoted };
    }
    const argument: Word = [];
    while (this.peek() !== '}') {
      if (this.at >= this.source.length) this.fail("Missing '}'");
      if (/[\s;&|<>()]/.test(this.peek())) {
        argument.push({ kind: 'text', text: this.peek(), quoted });
        this.at += 1;
      } else this.braceWord(argument, quoted);
    }
    this.at += 1;
    return { kind: 'variable', name, operator, argument, quoted };
  }

  private braceWord(argument: Word, quoted: boolean): void {
    if (/['"\\$`]/.test(this.peek())) return this.piece(argument);
    const text = /^[^}\s;&|<>()'"\\$`]+/.exec(this.source.slice(this.at))?.[0] ?? this.peek();
    argument.push({ kind: 'text', text, quoted });
    this.at += text.length;
  }

  private expect(text: string): void {
    if (this.peek(text.length) !== text) this.fail(`"${text}" expected`);
    this.at += text.length;
  }

  /** Text up to the bracket that closes the one before `from`. */
  private balanced(from: number): string {
    let depth = 1;
    let at = from;
    while (at < this.source.length) {
      const next = this.source[at];
      if (next === '\\') at += 1;
      else if (next === "'") at = this.source.indexOf("'", at + 1);
      else if (next === '"') at = this.closingQuote(at + 1);
      else if (next === '(') depth += 1;
      else if (next === ')') depth -= 1;
      if (at < 0) break;
      if (depth === 0) return this.source.slice(from, at);
      at += 1;
    }
    return this.fail("Missing ')'");
  }

  private closingQuote(from: number): number {
    for (let at = from; at < this.source.length; at += 1) {
      if (this.source[at] === '\\') at += 1;
      else if (this.source[at] === '"') return at;
    }
    return -1;
  }
}
