import { checkExpression } from './checker.ts';
import { findCycle } from './cycle.ts';
import type { Positions } from './document.ts';
import { evaluate } from './evaluate.ts';
import { type Expression, ExpressionError, parseExpression } from './expression.ts';
import { limits } from './limits.ts';
import { type Problem, problem } from './problem.ts';
import { sampleVariables } from './sample.ts';
import { scopeOf, type Site, sitesOf } from './sites.ts';
import type { Template } from './template.ts';
import { soleExpression, splitText, UnclosedExpressionError } from './text.ts';
import { fits, nameOf } from './types.ts';

/** Told of each expression before it is worked on, so that one that never ends can be named by who ends it. */
export type Watch = (path: string, line: number, column: number) => void;

/**
 * Parses, type-checks and tries out (with sample values) every expression of a template.
 * @returns problems with places inside the source
 */
export function checkExpressions(
  template: Template,
  positions: Positions,
  watch: Watch = () => undefined,
): readonly Problem[] {
  const check = new ExpressionCheck(template, positions, watch);
  for (const site of sitesOf(template)) {
    if (check.problems.length >= limits.problems) break;
    check.site(site);
  }
  if (check.problems.length === 0) check.cycles();
  return check.problems;
}

class ExpressionCheck {
  readonly problems: Problem[] = [];
  readonly #template: Template;
  readonly #positions: Positions;
  readonly #watch: Watch;
  readonly #edges = new Map<string, string[]>();
  #count = 0;

  constructor(template: Template, positions: Positions, watch: Watch) {
    this.#template = template;
    this.#positions = positions;
    this.#watch = watch;
  }

  site(site: Site): void {
    try {
      const sole = soleExpression(site.text);
      if (site.wanted.kind !== 'dyn' && site.wanted.kind !== 'string' && sole === undefined) {
        this.#report(
          site,
          0,
          new ExpressionError(
            'EXPRESSION_TYPE',
            0,
            'The text must be one expression as a whole',
            `\${{ … }} that gives ${nameOf(site.wanted)}`,
          ),
        );
        return;
      }
      for (const piece of splitText(site.text)) {
        if (piece.kind === 'expression') this.#expression(site, piece.source, piece.offset, sole !== undefined);
      }
    } catch (error) {
      if (!(error instanceof UnclosedExpressionError)) throw error;
      this.#report(site, error.offset, new ExpressionError('EXPRESSION_SYNTAX', 0, error.message, '}} at its end'));
    }
  }

  #expression(site: Site, source: string, offset: number, alone: boolean): void {
    try {
      if (site.kind === 'none') {
        throw new ExpressionError(
          'EXPRESSION_NOT_ALLOWED',
          -3,
          'A script holds no expressions: values reach it as environment, never as text',
          "the expression under the step's env, and its variable in the script",
        );
      }
      this.#count += 1;
      if (this.#count > limits.expressions)
        throw new ExpressionError(
          'TEMPLATE_TOO_EXPENSIVE',
          0,
          'The template has too many expressions',
          `at most ${limits.expressions}`,
        );
      const place = this.#positions.within(site.path, offset);
      this.#watch(site.path, place.line, place.column);
      const expression = parseExpression(source);
      const { type, references } = checkExpression(expression, scopeOf(this.#template, site.kind));
      if (alone && !fits(type, site.wanted)) {
        throw new ExpressionError(
          'EXPRESSION_TYPE',
          firstLetter(source),
          `The expression gives ${nameOf(type)}`,
          nameOf(site.wanted),
        );
      }
      if (type.kind === 'null')
        throw new ExpressionError(
          'EXPRESSION_TYPE',
          firstLetter(source),
          'The expression gives null',
          'a text, a number, true or false',
        );
      this.#note(site, references);
      this.#try(expression, site);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#report(site, offset, error);
    }
  }

  /** Sample values cannot prove that an expression never fails, but one that is too expensive even with them is caught here, with its place. */
  #try(expression: Expression, site: Site): void {
    try {
      evaluate(expression, sampleVariables(this.#template, site.kind));
    } catch (error) {
      if (error instanceof ExpressionError && error.code === 'EXPRESSION_FAILED') return;
      throw error;
    }
  }

  #note(site: Site, references: ReadonlySet<string>): void {
    const from = /^(?:parameters|outputs)\.[^.]+/.exec(site.path)?.[0].replace('parameters', 'params');
    if (from === undefined) return;
    this.#edges.set(from, [...(this.#edges.get(from) ?? []), ...references]);
  }

  cycles(): void {
    const cycle = findCycle(this.#edges);
    if (cycle === undefined) return;
    const path = (cycle[0] ?? '').replace('params', 'parameters');
    this.problems.push(
      problem(
        'CYCLE',
        path,
        this.#positions.key(path),
        `Expressions refer to each other: ${cycle.join(' -> ')}`,
        'expressions without circles',
      ),
    );
  }

  #report(site: Site, offset: number, error: ExpressionError): void {
    const place = this.#positions.within(site.path, offset + error.offset);
    this.problems.push(problem(error.code, site.path, place, error.message, error.expected));
  }
}

function firstLetter(source: string): number {
  return source.length - source.trimStart().length;
}
