import { join } from 'node:path';
import type { Logger } from 'pino';
import { JournalDamaged, type JournalBroken } from './broken.ts';
import { Journal } from './journal.ts';
import { refuseAfterDamage, setAside, whatToDo } from './quarantine.ts';
import { Reserve } from './reserve.ts';

export interface OpenJournalInput {
  readonly dataFolder: string;
  /** Room on the disk that is kept back for the end of what has begun, in bytes. */
  readonly reserveBytes: number;
  readonly log: Logger;
}

/**
 * Opens the journal of a data folder with its reserve; one that is damaged is set aside, and nothing begins until a person has looked.
 * @throws JournalDamaged, JournalBroken
 */
export function openJournal(
  { dataFolder, reserveBytes, log }: OpenJournalInput,
  broken: (error: JournalBroken) => void,
): Journal {
  refuseAfterDamage(dataFolder);
  const reserve = new Reserve(dataFolder, reserveBytes);
  if (!reserve.held)
    log.error({ dataFolder }, 'the disk is full: nothing new is begun, and what was begun is finished');
  try {
    return new Journal(join(dataFolder, 'journal.db'), broken, { reserve });
  } catch (error) {
    if (!(error instanceof JournalDamaged)) throw error;
    throw new JournalDamaged(whatToDo(setAside(dataFolder, new Date())), { cause: error });
  }
}
