/** Every way in which a template, a value or an evaluation can be refused. Codes are stable: clients key texts on them. */
export const problemCodes = [
  'SOURCE_TOO_LARGE',
  'SOURCE_NOT_UTF8',
  'SOURCE_EMPTY',
  'INVALID_CHARACTER',
  'YAML_SYNTAX',
  'MULTIPLE_DOCUMENTS',
  'YAML_DIRECTIVE',
  'YAML_TAG',
  'YAML_ALIAS',
  'TOO_DEEP',
  'TOO_MANY_NODES',
  'DUPLICATE_KEY',
  'MERGE_KEY',
  'RESERVED_KEY',
  'NUMBER_OUT_OF_RANGE',
  'TEXT_TOO_LONG',
  'UNKNOWN_KEY',
  'MISSING_KEY',
  'WRONG_TYPE',
  'INVALID_VALUE',
  'INVALID_NAME',
  'UNKNOWN_REFERENCE',
  'DUPLICATE_NAME',
  'CYCLE',
  'SECRET_EXPOSED',
  'EXPRESSION_SYNTAX',
  'EXPRESSION_TYPE',
  'EXPRESSION_NOT_ALLOWED',
  'EXPRESSION_FAILED',
  'EXPRESSION_TOO_EXPENSIVE',
  'TEMPLATE_TOO_EXPENSIVE',
] as const;

export type ProblemCode = (typeof problemCodes)[number];

/** One refusal, precise enough to be shown beside the text that caused it. */
export interface Problem {
  readonly code: ProblemCode;
  /** Where in the document, such as `servers.replica.count` or `deployments.web.steps[0].run`; empty for the whole of it. */
  readonly path: string;
  /** 1-based; 0 when what is refused did not come from a file (a value of a cluster, a stored template without its source). */
  readonly line: number;
  /** 1-based, in UTF-16 units; 0 as for `line`. */
  readonly column: number;
  readonly message: string;
  /** What would have been accepted. */
  readonly expected?: string;
}

/** A place in a source text, both 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Used where there is no source text. */
export const nowhere: Place = { line: 0, column: 0 };

/** Builds a problem; `expected` is left out when not given. */
export function problem(code: ProblemCode, path: string, place: Place, message: string, expected?: string): Problem {
  const base = { code, path, line: place.line, column: place.column, message };
  return expected === undefined ? base : { ...base, expected };
}

/** Carries problems out of nested code; caught at the edge of this package, never seen by its callers. */
export class Refusal extends Error {
  readonly code = 'REFUSED';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((each) => each.message).join('; '));
    this.name = 'Refusal';
    this.problems = problems;
  }
}

/** Runs `work` and turns a `Refusal` into its problems; anything else thrown goes on. */
export function catchRefusal<T extends object>(
  work: () => T,
): T | { readonly ok: false; readonly problems: readonly Problem[] } {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problems: error.problems };
    throw error;
  }
}
