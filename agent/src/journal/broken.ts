/** The journal can't be written or read: nothing that the agent believes is safe to act on. */
export class JournalBroken extends Error {
  override readonly name = 'JournalBroken';
  readonly code = 'JOURNAL_BROKEN';
}

/** The journal's file is not what was written: what it says must not be guessed at. */
export class JournalDamaged extends Error {
  override readonly name = 'JournalDamaged';
  readonly code = 'JOURNAL_DAMAGED';
}

/** SQLite's numbers of errors: a damaged page, no room, no database at all. */
const sqlite = { corrupt: 11, full: 13, notADatabase: 26, noSharedMemory: 4874 } as const;

const codeOf = (error: unknown): unknown => (error instanceof Error && 'errcode' in error ? error.errcode : undefined);

/** Whether there was no room on the disk: what was to be written was not, and nothing else is in doubt. */
export const isFull = (error: unknown): boolean =>
  codeOf(error) === sqlite.full || codeOf(error) === sqlite.noSharedMemory;

/** Whether the file is damaged. */
export const isDamage = (error: unknown): boolean =>
  error instanceof JournalDamaged || codeOf(error) === sqlite.corrupt || codeOf(error) === sqlite.notADatabase;

/** The same as a JournalDamaged. */
export const asDamage = (error: unknown): JournalDamaged =>
  error instanceof JournalDamaged ? error : new JournalDamaged('the journal is damaged', { cause: error });
