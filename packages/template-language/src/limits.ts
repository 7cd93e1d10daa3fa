/** Bounds on what a template may ask of the programs that read it. Figures and reasons: docs/adr/0004-hostile-templates.md. */
export const limits = {
  /** Bytes of UTF-8 of a template's source. */
  sourceBytes: 256 * 1024,
  /** Nested collections; a template needs eight. */
  depth: 24,
  /** Keys, items and scalars, with aliases expanded. */
  nodes: 5_000,
  /** Lexical parts of a source, counted before anything is built from them. */
  lexemes: 50_000,
  /** Aliases in one document. */
  aliases: 64,
  /** UTF-16 units in one scalar (a file's content, a script). */
  textLength: 64 * 1024,
  /** Problems reported for one source. */
  problems: 50,
  /** UTF-16 units in one expression. */
  expressionLength: 2048,
  /** Expressions in one template. */
  expressions: 500,
  /** Open brackets and stacked prefix operators in one expression. */
  expressionDepth: 24,
  /** Nodes of one expression's syntax tree, macros expanded. */
  expressionNodes: 500,
  /** `map`, `filter`, `all`, `exists` in one expression. */
  comprehensions: 4,
  /** Of them, one inside another. */
  comprehensionNesting: 2,
  /** Units of work in one evaluation: one per call of a metered function, per character it makes, per tree node of a turn of a loop. */
  evaluationCost: 200_000,
  /** Items of a list and UTF-16 units of a text made by an expression. */
  listLength: 1_000,
  evaluatedTextLength: 64 * 1024,
  /** UTF-16 units of a regular expression. */
  patternLength: 200,
  /** Steps of matching one value: its length times the pattern's size, repetitions unrolled. */
  patternSteps: 4_000_000,
  /** Servers of one role, and of one cluster. */
  serversPerRole: 500,
  serversPerCluster: 1_000,
} as const;
