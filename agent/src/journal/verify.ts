import { createHash } from 'node:crypto';
import type { JournalDatabase } from './database.ts';
import { JournalDamaged } from './broken.ts';

/** Looks whether the journal is what was written: its pages, its one line of standing, and each command's payload by its hash. @throws JournalDamaged */
export function verify(db: JournalDatabase): void {
  const check = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (check !== 'ok') throw new JournalDamaged(`the journal is damaged: ${String(check)}`);
  const metas = Number(db.prepare('SELECT count(*) AS n FROM meta').get()?.['n']);
  if (metas !== 1) throw new JournalDamaged('the journal does not say who the agent is');
  for (const { id, payload, payload_sha256: sha256 } of db
    .prepare('SELECT id, payload, payload_sha256 FROM inbox')
    .iterate())
    if (!createHash('sha256').update(bytes(payload)).digest().equals(bytes(sha256)))
      throw new JournalDamaged(`the journal holds another payload for ${String(id)} than was sent`);
}

const bytes = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : new Uint8Array());
