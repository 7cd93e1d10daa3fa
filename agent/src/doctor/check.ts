/** What one look found. */
export interface Check {
  /** What was looked at, in a word or two. */
  readonly name: string;
  /** `skipped`: it can't be looked at, or does not matter, as `detail` says. */
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  /** What was found; for a failure its probable cause. One line. */
  readonly detail: string;
  /** What to do about it; empty where there is nothing to do. */
  readonly remedy: string;
}

export const ok = (name: string, detail: string): Check => ({ name, state: 'ok', detail, remedy: '' });
export const warning = (name: string, detail: string, remedy: string): Check => ({
  name,
  state: 'warning',
  detail,
  remedy,
});
export const failed = (name: string, detail: string, remedy: string): Check => ({
  name,
  state: 'failed',
  detail,
  remedy,
});
export const skipped = (name: string, detail: string): Check => ({ name, state: 'skipped', detail, remedy: '' });

const marks = { ok: 'ok  ', warning: 'WARN', failed: 'FAIL', skipped: '-   ' } as const;

/** The checks as lines of text, and a last one that says how many are wrong. */
export function describeChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, detail, remedy }) => [
    `${marks[state]}  ${name.padEnd(width)}  ${detail}`,
    ...(remedy === '' ? [] : [`${' '.repeat(width + 8)}-> ${remedy}`]),
  ]);
  const wrong = checks.filter(({ state }) => state === 'failed').length;
  const doubtful = checks.filter(({ state }) => state === 'warning').length;
  const last = wrong + doubtful === 0 ? 'nothing wrong was found' : `${wrong} wrong, ${doubtful} to look at`;
  return [...lines, last].join('\n');
}

/** A failure's code, or its message where it has none. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
