import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JournalDamaged } from './broken.ts';

const files = ['journal.db', 'journal.db-wal', 'journal.db-shm'] as const;
/** Says that a journal was set aside, and where; while it is there the agent begins nothing. */
const notice = 'journal.damaged';

/** Sets a damaged journal aside in the data folder, for people to look at, and notes it. Answers the folder's name. */
export function setAside(dataFolder: string, now: Date): string {
  const name = `journal-damaged-${now.toISOString().replaceAll(':', '-')}`;
  mkdirSync(join(dataFolder, name), { mode: 0o700 });
  // The notice goes first: a crash in between must not let the agent begin with an empty journal.
  writeFileSync(join(dataFolder, notice), `${name}\n`, { mode: 0o600, flush: true });
  for (const file of files)
    if (existsSync(join(dataFolder, file))) renameSync(join(dataFolder, file), join(dataFolder, name, file));
  return name;
}

/** Refuses to go on after a journal was set aside. @throws JournalDamaged, which says what to do */
export function refuseAfterDamage(dataFolder: string): void {
  const path = join(dataFolder, notice);
  if (!existsSync(path)) return;
  throw new JournalDamaged(whatToDo(readFileSync(path, 'utf8').trim()));
}

/** Files of a data folder that a reset removes; a journal that was set aside stays. */
export const journalFiles: readonly string[] = [...files, 'reserve', 'spool.db', notice];

export const whatToDo = (name: string): string =>
  `the journal is damaged and was set aside in ${name}; what this agent had begun is not known here. ` +
  'Check the disk. Then `truffle-agent reset --yes` and enrol with a new join token: the control plane shows commands that were under way as UNKNOWN';
