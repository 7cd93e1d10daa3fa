import type { AndOr, Command, List, Pipeline, Redirect, Word } from './ast.ts';
import { Scanner } from './scan.ts';

const OPENERS = ['if', 'for', 'while', 'until', 'case', '{'];
const DEEPEST = 100;

/** Parses a script. @throws {SyntaxProblem} */
export function parse(source: string, depth = 0): List {
  return new Parser(source, depth).script();
}

class Parser {
  private readonly scanner: Scanner;
  private readonly heredocs: { redirect: Redirect; end: string; quoted: boolean; stripTabs: boolean }[] = [];
  private depth: number;

  constructor(source: string, depth: number) {
    this.scanner = new Scanner(source);
    this.depth = depth;
    if (depth > DEEPEST) this.scanner.fail('nested too deep');
    this.scanner.parseNested = (inner) => parse(inner, depth + 1);
  }

  script(): List {
    const list = this.list([]);
    if (this.scanner.at < this.scanner.source.length) this.scanner.fail(`"${this.scanner.peek()}" unexpected`);
    return list;
  }

  /** Commands up to one of the words that end a block, or to the end. */
  private list(ends: readonly string[]): List {
    const list: List = [];
    for (;;) {
      this.newlines();
      if (this.scanner.at >= this.scanner.source.length || this.atEnd(ends)) return list;
      const item = this.andOr();
      list.push(item);
      this.scanner.skipBlanks();
      if (this.scanner.peek(2) === ';;') return list;
      if (this.scanner.peek() === ';') this.scanner.at += 1;
      else if (this.scanner.peek() === '&' && this.scanner.peek(2) !== '&&') {
        item.background = true;
        this.scanner.at += 1;
      } else if (this.scanner.peek() !== '\n' && !this.atEnd(ends)) return list;
    }
  }

  private atEnd(ends: readonly string[]): boolean {
    this.scanner.skipBlanks();
    return ends.some((end) => (end === ')' || end === ';;' ? this.scanner.peek(end.length) === end : this.isWord(end)));
  }

  private newlines(): void {
    for (;;) {
      this.scanner.skipBlanks();
      if (this.scanner.peek() !== '\n') return;
      this.scanner.at += 1;
      this.readHeredocs();
    }
  }

  private readHeredocs(): void {
    for (const { redirect, end, quoted, stripTabs } of this.heredocs.splice(0)) {
      const lines: string[] = [];
      for (;;) {
        if (this.scanner.at >= this.scanner.source.length) break;
        const stop = this.scanner.source.indexOf('\n', this.scanner.at);
        const raw = this.scanner.source.slice(this.scanner.at, stop < 0 ? undefined : stop);
        this.scanner.at = stop < 0 ? this.scanner.source.length : stop + 1;
        const line = stripTabs ? raw.replace(/^\t+/, '') : raw;
        if (line === end) break;
        lines.push(`${line}\n`);
      }
      const inner = new Scanner(lines.join(''));
      inner.parseNested = this.scanner.parseNested;
      redirect.target = quoted ? [{ kind: 'text', text: lines.join(''), quoted: true }] : inner.quoted('');
    }
  }

  private andOr(): AndOr {
    const first = this.pipeline();
    const rest: AndOr['rest'] = [];
    for (;;) {
      this.scanner.skipBlanks();
      const operator = this.scanner.peek(2);
      if (operator !== '&&' && operator !== '||') return { first, rest, background: false };
      this.scanner.at += 2;
      this.newlines();
      rest.push({ operator, pipeline: this.pipeline() });
    }
  }

  private pipeline(): Pipeline {
    this.scanner.skipBlanks();
    const negated = this.isWord('!');
    if (negated) this.scanner.at += 1;
    const commands = [this.command()];
    for (;;) {
      this.scanner.skipBlanks();
      if (this.scanner.peek() !== '|' || this.scanner.peek(2) === '||') return { negated, commands };
      this.scanner.at += 1;
      this.newlines();
      commands.push(this.command());
    }
  }

  private command(): Command {
    this.scanner.skipBlanks();
    this.depth += 1;
    if (this.depth > DEEPEST) this.scanner.fail('nested too deep');
    const command = this.compound() ?? this.simple();
    this.depth -= 1;
    return command;
  }

  private compound(): Command | undefined {
    if (this.scanner.peek() === '(') {
      this.scanner.at += 1;
      const body = this.list([')']);
      this.take(')');
      return { kind: 'subshell', body, redirects: this.redirects() };
    }
    const opener = OPENERS.find((word) => this.isWord(word));
    if (opener !== undefined) {
      this.take(opener);
      if (opener === 'if') return this.ifCommand();
      if (opener === 'for') return this.forCommand();
      if (opener === 'case') return this.caseCommand();
      if (opener === '{') {
        const body = this.list(['}']);
        this.take('}');
        return { kind: 'group', body, redirects: this.redirects() };
      }
      const test = this.list(['do']);
      return { kind: 'while', until: opener === 'until', test, body: this.loopBody(), redirects: this.redirects() };
    }
    const name = /^([A-Za-z_][\w-]*)[ \t]*\([ \t]*\)/.exec(
      this.scanner.source.slice(this.scanner.at, this.scanner.at + 200),
    );
    if (name === null) return undefined;
    this.scanner.at += name[0].length;
    this.newlines();
    return { kind: 'function', name: name[1] ?? '', body: this.command(), redirects: [] };
  }

  private ifCommand(): Command {
    const branches: { test: List; body: List }[] = [];
    let otherwise: List | undefined;
    do {
      const test = this.list(['then']);
      this.take('then');
      branches.push({ test, body: this.list(['elif', 'else', 'fi']) });
    } while (this.takeIf('elif'));
    if (this.takeIf('else')) otherwise = this.list(['fi']);
    this.take('fi');
    return { kind: 'if', branches, otherwise, redirects: this.redirects() };
  }

  private forCommand(): Command {
    this.scanner.skipBlanks();
    const name =
      /^[A-Za-z_]\w*/.exec(this.scanner.source.slice(this.scanner.at))?.[0] ??
      this.scanner.fail('Bad for loop variable');
    this.scanner.at += name.length;
    this.newlines();
    let words: Word[] | undefined;
    if (this.takeIf('in')) {
      words = [];
      for (;;) {
        this.scanner.skipBlanks();
        const word = this.scanner.word();
        if (word === undefined) break;
        words.push(word);
      }
    }
    this.scanner.skipBlanks();
    if (this.scanner.peek() === ';') this.scanner.at += 1;
    this.newlines();
    return { kind: 'for', name, words, body: this.loopBody(), redirects: this.redirects() };
  }

  private loopBody(): List {
    this.take('do');
    const body = this.list(['done']);
    this.take('done');
    return body;
  }

  private caseCommand(): Command {
    this.scanner.skipBlanks();
    const word = this.scanner.word() ?? this.scanner.fail('word expected');
    this.newlines();
    this.take('in');
    const arms: { patterns: Word[]; body: List }[] = [];
    for (;;) {
      this.newlines();
      if (this.takeIf('esac')) return { kind: 'case', word, arms, redirects: this.redirects() };
      if (this.scanner.peek() === '(') this.scanner.at += 1;
      const patterns: Word[] = [];
      do {
        this.scanner.skipBlanks();
        patterns.push(this.scanner.word() ?? this.scanner.fail('pattern expected'));
        this.scanner.skipBlanks();
      } while (this.scanner.peek() === '|' && (this.scanner.at += 1) > 0);
      this.take(')');
      arms.push({ patterns, body: this.list([';;', 'esac']) });
      this.newlines();
      if (this.scanner.peek(2) === ';;') this.scanner.at += 2;
    }
  }

  private simple(): Command {
    const assigns: { name: string; value: Word }[] = [];
    const words: Word[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      this.scanner.skipBlanks();
      const redirect = this.redirect();
      if (redirect !== undefined) {
        redirects.push(redirect);
        continue;
      }
      const assignment =
        words.length === 0 ? /^([A-Za-z_]\w*)=/.exec(this.scanner.source.slice(this.scanner.at)) : null;
      if (assignment !== null) {
        this.scanner.at += assignment[0].length;
        assigns.push({ name: assignment[1] ?? '', value: this.scanner.word() ?? [] });
        continue;
      }
      const word = this.scanner.word();
      if (word === undefined) break;
      words.push(word);
    }
    if (assigns.length + words.length + redirects.length === 0)
      this.scanner.fail(`"${this.scanner.peek() === '' ? 'end of file' : this.scanner.peek()}" unexpected`);
    return { kind: 'simple', assigns, words, redirects };
  }

  private redirects(): Redirect[] {
    const found: Redirect[] = [];
    for (;;) {
      this.scanner.skipBlanks();
      const redirect = this.redirect();
      if (redirect === undefined) return found;
      found.push(redirect);
    }
  }

  private redirect(): Redirect | undefined {
    const match = /^(\d*)(<<-?|>>|>&|<&|<>|>\||<|>)/.exec(
      this.scanner.source.slice(this.scanner.at, this.scanner.at + 8),
    );
    if (match === null) return undefined;
    const [whole, fd = '', operator = ''] = match;
    this.scanner.at += whole.length;
    this.scanner.skipBlanks();
    const target = this.scanner.word() ?? this.scanner.fail('redirection needs a target');
    const redirect: Redirect = {
      fd: fd === '' ? (operator.startsWith('<') ? 0 : 1) : Number(fd),
      operator: operator.replace('-', '') as Redirect['operator'],
      target,
    };
    if (operator.startsWith('<<')) {
      const quoted = target.some((part) => part.quoted);
      const end = target.map((part) => (part.kind === 'text' ? part.text : '')).join('');
      this.heredocs.push({ redirect, end, quoted, stripTabs: operator === '<<-' });
    }
    return redirect;
  }

  private isWord(word: string): boolean {
    if (this.scanner.peek(word.length) !== word) return false;
    const after = this.scanner.source[this.scanner.at + word.length];
    return after === undefined || /[\s;&|<>()]/.test(after);
  }

  private takeIf(word: string): boolean {
    this.newlines();
    if (!this.isWord(word)) return false;
    this.scanner.at += word.length;
    return true;
  }

  private take(word: string): void {
    this.newlines();
    if (this.scanner.peek(word.length) !== word) this.scanner.fail(`"${word}" expected`);
    this.scanner.at += word.length;
  }
}
