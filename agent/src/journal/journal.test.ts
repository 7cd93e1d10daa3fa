import { openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { startChild } from '../testing/child.ts';
import { testEntry } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { JournalBroken, JournalDamaged } from './broken.ts';
import { Journal } from './journal.ts';
import { DataFolderLocked, lockDataFolder } from './lock.ts';

const unbroken = (error: JournalBroken): never => {
  throw error;
};
const open = (folder: string): Journal => new Journal(join(folder, 'journal.db'), unbroken);

describe('a journal', () => {
  test('keeps its incarnation, counts its boots and its records', () => {
    const folder = testFolder();
    const first = open(folder);
    const before = first.standing();
    first.storeSession(7, new Uint8Array([1, 2]), ['a:1', 'b:2']);
    first.storeSession(8, new Uint8Array([3]), []);
    first.close();
    const second = open(folder);
    const after = second.standing();
    second.close();
    expect(after).toMatchObject({ incarnation: before.incarnation, bootNo: 2, epoch: 8, endpoints: ['a:1', 'b:2'] });
    expect([...after.continuity]).toEqual([3]);
    expect(after.lsn).toBe(before.lsn + 3);
  });

  test('carries a command from acceptance to forgetting; the first end stays', () => {
    const journal = open(testFolder());
    journal.accept(testEntry({ id: 'cmd_1', fence: 5, resourceKey: 'r' }));
    expect(journal.entry('cmd_1')).toMatchObject({ state: 'accepted', permitNo: 0, fence: 5 });
    journal.permit('cmd_1', 2);
    journal.permit('cmd_1', 3);
    expect(journal.entry('cmd_1')).toMatchObject({ state: 'running', permitNo: 2 });
    journal.forget('cmd_1');
    expect(journal.size()).toBe(1);
    journal.end('cmd_1', () => new Uint8Array([1]));
    journal.end('cmd_1', () => new Uint8Array([2]));
    expect([...(journal.entry('cmd_1')?.result ?? [])]).toEqual([1]);
    journal.forget('cmd_1');
    expect(journal.size()).toBe(0);
    expect(journal.fence('r')).toBe(5);
    journal.close();
  });

  test('a fence never falls', () => {
    const journal = open(testFolder());
    journal.accept(testEntry({ id: 'cmd_1', fence: 5, resourceKey: 'r' }));
    journal.accept(testEntry({ id: 'cmd_2', fence: 3, resourceKey: 'r' }));
    expect(journal.fence('r')).toBe(5);
    expect(journal.fence('other')).toBeUndefined();
    journal.close();
  });

  test('a second intent gives the first record; an observation needs an intent', () => {
    const journal = open(testFolder());
    journal.accept(testEntry({ id: 'cmd_1' }));
    expect(journal.intend('cmd_1', 'clone', { vmid: 1 })).toEqual({
      name: 'clone',
      handle: { vmid: 1 },
      observed: undefined,
    });
    expect(journal.intend('cmd_1', 'clone', { vmid: 2 })).toEqual({
      name: 'clone',
      handle: { vmid: 1 },
      observed: undefined,
    });
    expect(() => journal.observe('cmd_1', 'start', null)).toThrow(RangeError);
    journal.observe('cmd_1', 'clone', null);
    expect(journal.step('cmd_1', 'clone')?.observed).toBeNull();
    expect(journal.stepCount('cmd_1')).toBe(1);
    journal.close();
  });

  test('makes a secret once', () => {
    const folder = testFolder();
    const journal = open(folder);
    expect(journal.generatedSecret('clu_1', 'password', () => 'one')).toBe('one');
    journal.close();
    const again = open(folder);
    expect(again.generatedSecret('clu_1', 'password', () => 'two')).toBe('one');
    expect(again.generatedSecret('clu_2', 'password', () => 'two')).toBe('two');
    again.close();
  });

  test('keeps the highest version seen of each sealed secret', () => {
    const folder = testFolder();
    const journal = open(folder);
    expect(journal.seeSealedVersion('a', 5)).toBe(0);
    expect(journal.seeSealedVersion('a', 3)).toBe(5);
    journal.close();
    const again = open(folder);
    expect(again.seeSealedVersion('a', 6)).toBe(5);
    expect(again.seeSealedVersion('a', 5)).toBe(6);
    expect(again.seeSealedVersion('b', 1)).toBe(0);
    again.close();
  });

  test('keeps when deletions began for a day, the first time of each', () => {
    const hour = 3_600_000;
    const folder = testFolder();
    const journal = open(folder);
    journal.noteDeletion('cmd_1', 10 * hour);
    journal.noteDeletion('cmd_1', 20 * hour);
    journal.noteDeletion('cmd_2', 20 * hour);
    journal.close();
    const again = open(folder);
    expect(again.deletionsSince(10 * hour - 1)).toEqual(['cmd_1', 'cmd_2']);
    expect(again.deletionsSince(10 * hour)).toEqual(['cmd_2']);
    again.noteDeletion('cmd_3', 40 * hour);
    expect(again.deletionsSince(0)).toEqual(['cmd_2', 'cmd_3']);
    again.close();
  });

  test('a journal of an earlier program gets the tables that it lacks', () => {
    const folder = testFolder();
    open(folder).close();
    const db = new DatabaseSync(join(folder, 'journal.db'));
    db.exec('DROP TABLE deletion; DROP TABLE sealed_version');
    db.close();
    const journal = open(folder);
    expect(journal.seeSealedVersion('a', 1)).toBe(0);
    expect(journal.deletionsSince(0)).toEqual([]);
    journal.close();
  });

  test('a failed write breaks it for good', () => {
    const told: string[] = [];
    const journal = new Journal(join(testFolder(), 'journal.db'), (error) => told.push(error.code));
    journal.accept(testEntry({ id: 'cmd_1' }));
    expect(() => journal.accept(testEntry({ id: 'cmd_1' }))).toThrow(JournalBroken);
    expect(() => journal.permit('cmd_1', 1)).toThrow(JournalBroken);
    expect(() => journal.entry('cmd_1')).toThrow(JournalBroken);
    expect(told[0]).toBe('JOURNAL_BROKEN');
    journal.close();
  });

  test('damage is told, never guessed at', () => {
    const folder = testFolder();
    const path = join(folder, 'journal.db');
    const journal = open(folder);
    for (let i = 0; i < 200; i++) journal.accept(testEntry({ id: `cmd_${i}` }));
    journal.close();
    const file = openSync(path, 'r+');
    for (let at = 4096; at < statSync(path).size; at += 4096) writeSync(file, Buffer.alloc(64, 0xff), 0, 64, at);
    expect(() => open(folder)).toThrow(JournalDamaged);
  });
});

describe('a process killed at any point', () => {
  const program = fileURLToPath(new URL('dying.testing.ts', import.meta.url));
  test.each([
    ['accepted', 'accepted', undefined],
    ['running', 'running', undefined],
    ['intended', 'running', { name: 'clone', handle: { vmid: 100 }, observed: undefined }],
    ['observed', 'running', { name: 'clone', handle: { vmid: 100 }, observed: { upid: 'UPID:1' } }],
    ['ended', 'ended', undefined],
  ])('once %s, stands there after the kill', async (stage, state, step) => {
    const folder = testFolder();
    const child = startChild([program, folder, stage]);
    await child.until((stdout) => stdout.includes('here'));
    child.process.kill('SIGKILL');
    expect(await child.ended).toBe('SIGKILL');
    const journal = open(folder);
    expect(journal.entry('cmd_1')).toMatchObject({ state, fence: 3 });
    expect(journal.step('cmd_1', 'clone')).toEqual(step);
    expect(journal.standing().bootNo).toBe(2);
    journal.close();
  });
});

describe('the lock of a data folder', () => {
  test('is held against a second process and ends with the first', async () => {
    const folder = testFolder();
    const child = startChild([fileURLToPath(new URL('locking.testing.ts', import.meta.url)), folder]);
    await child.until((stdout) => stdout.includes('locked'));
    expect(() => lockDataFolder(folder)).toThrow(DataFolderLocked);
    child.process.kill('SIGKILL');
    await child.ended;
    lockDataFolder(folder).release();
    lockDataFolder(folder).release();
  });
});
