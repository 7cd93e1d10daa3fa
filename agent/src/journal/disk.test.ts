import { spawnSync } from 'node:child_process';
import { existsSync, openSync, readdirSync, statSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { testEntry } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { JournalDamaged } from './broken.ts';
import { Journal } from './journal.ts';
import { refuseAfterDamage, setAside } from './quarantine.ts';
import { Reserve } from './reserve.ts';

const unbroken = (error: Error): never => {
  throw error;
};

describe('a damaged journal', () => {
  test('is set aside, and nothing begins until a person has looked', () => {
    const folder = testFolder();
    const journal = new Journal(join(folder, 'journal.db'), unbroken);
    journal.accept(testEntry({ id: 'cmd_1' }));
    journal.close();
    refuseAfterDamage(folder);
    const name = setAside(folder, new Date('2026-01-02T03:04:05Z'));
    expect(name).toBe('journal-damaged-2026-01-02T03-04-05.000Z');
    expect(readdirSync(join(folder, name))).toContain('journal.db');
    expect(existsSync(join(folder, 'journal.db'))).toBe(false);
    expect(() => refuseAfterDamage(folder)).toThrow(JournalDamaged);
    expect(() => refuseAfterDamage(folder)).toThrow(/set aside in journal-damaged-2026.*reset --yes/);
  });

  test.each([
    ['a payload that changed', "UPDATE inbox SET payload = x'00'"],
    ['no standing', 'DELETE FROM meta'],
  ])('is told by %s, though each page is whole', async (_what, sql) => {
    const path = join(testFolder(), 'journal.db');
    const journal = new Journal(path, unbroken);
    journal.accept(testEntry({ id: 'cmd_1' }));
    journal.close();
    const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(path);
    db.exec(sql);
    db.close();
    expect(() => new Journal(path, unbroken)).toThrow(JournalDamaged);
  });

  test('is told by a file that is none', () => {
    const path = join(testFolder(), 'journal.db');
    const file = openSync(path, 'w');
    writeSync(file, 'this is no journal, and it never was one'.repeat(100));
    closeSync(file);
    expect(() => new Journal(path, unbroken)).toThrow(JournalDamaged);
  });
});

const megabyte = 1024 * 1024;

describe('a full disk', () => {
  /** A file system of 4 MiB; undefined where none may be mounted. */
  const smallDisk = (): string | undefined => {
    const folder = testFolder();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder]).status !== 0) return undefined;
    // Lazily, as a journal that a failed test left open would keep it.
    onTestFinished(() => void spawnSync('umount', ['-l', folder]));
    return folder;
  };

  /** Fills the file system to the last byte. */
  const fill = (folder: string): string => {
    const path = join(folder, 'ballast');
    const file = openSync(path, 'w');
    try {
      for (let size = 65_536; size > 0; size >>= 1)
        try {
          for (;;) if (writeSync(file, Buffer.alloc(size)) < size) break;
        } catch {
          // Smaller pieces may still fit.
        }
    } finally {
      closeSync(file);
    }
    return path;
  };

  test('takes nothing new, and finishes and records what has begun', (context) => {
    const folder = smallDisk();
    if (folder === undefined) return context.skip('only root may mount the small file system that this needs');
    const reserve = new Reserve(folder, megabyte);
    expect(statSync(join(folder, 'reserve')).size).toBe(megabyte);
    const journal = new Journal(join(folder, 'journal.db'), unbroken, { reserve });
    expect(journal.accept(testEntry({ id: 'cmd_1' }))).toBe(true);
    journal.permit('cmd_1', 1);
    const ballast = fill(folder);
    // What the write-ahead log had room for may still be taken; then it is over.
    const taken = Array.from({ length: 100 }, (_, i) => `cmd_new_${i}`).filter((id) =>
      journal.accept(testEntry({ id })),
    );
    expect(taken.length).toBeLessThan(100);
    expect(reserve.held).toBe(true);
    const handle = 'h'.repeat(20_000);
    for (let i = 0; i < 10; i++) {
      journal.intend('cmd_1', `step ${i}`, handle);
      journal.observe('cmd_1', `step ${i}`, true);
    }
    journal.end('cmd_1', () => new Uint8Array(20_000));
    expect(reserve.held).toBe(false);
    expect(journal.accept(testEntry({ id: 'cmd_late' }))).toBe(false);
    journal.close();

    // A start on the full disk goes on with what is there.
    const again = new Journal(join(folder, 'journal.db'), unbroken, { reserve: new Reserve(folder, megabyte) });
    expect(again.entry('cmd_1')).toMatchObject({ state: 'ended' });
    expect(again.accept(testEntry({ id: 'cmd_late' }))).toBe(false);
    spawnSync('rm', [ballast]);
    expect(again.accept(testEntry({ id: 'cmd_late' }))).toBe(true);
    again.close();
  });
});
