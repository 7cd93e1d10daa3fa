import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { testEntry } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { Journal } from './journal.ts';

const open = (folder = testFolder()): Journal =>
  new Journal(join(folder, 'journal.db'), (error) => {
    throw error;
  });
const on = (vmid: number, commandId: string, serverId = 'srv_1') => ({ vmid, serverId, commandId });

describe('the numbers in a journal', () => {
  test('stay across restarts, each reservation once', () => {
    const folder = testFolder();
    const first = open(folder);
    first.numbers.reserve(on(7, 'cmd_1'));
    first.numbers.reserve(on(7, 'cmd_1'));
    first.numbers.reserve(on(7, 'cmd_2'));
    first.numbers.reserve(on(8, 'cmd_3', 'srv_2'));
    first.numbers.keepUnwanted([{ vmid: 9, serverId: 'srv_3', sinceMs: 1_000.4 }]);
    first.close();
    const second = open(folder);
    expect(second.numbers.reservations()).toEqual([on(7, 'cmd_1'), on(7, 'cmd_2'), on(8, 'cmd_3', 'srv_2')]);
    expect(second.numbers.unwanted()).toEqual([{ vmid: 9, serverId: 'srv_3', sinceMs: 1_000 }]);
    second.numbers.release(7);
    expect(second.numbers.reservations()).toEqual([on(8, 'cmd_3', 'srv_2')]);
    second.close();
  });

  test('remember the newest sixteen tries of each', () => {
    const journal = open();
    for (let at = 1; at <= 20; at += 1) journal.numbers.reserve(on(7, `cmd_${at}`));
    journal.numbers.reserve(on(8, 'cmd_1'));
    expect(journal.numbers.reservations().filter((each) => each.vmid === 7)).toEqual(
      Array.from({ length: 16 }, (_, at) => on(7, `cmd_${at + 5}`)),
    );
    expect(journal.numbers.reservations()).toHaveLength(17);
    journal.close();
  });

  test('are released with the end of the command that made the server whole, and by no other end', () => {
    const journal = open();
    journal.numbers.reserve(on(7, 'cmd_0'));
    for (const [id, vmid] of [
      ['cmd_1', 7],
      ['cmd_2', 8],
    ] as const) {
      journal.accept(testEntry({ id, resourceKey: `pve/${vmid}` }));
      journal.permit(id, 1);
      journal.numbers.reserve(on(vmid, id));
    }
    journal.end('cmd_2', () => new Uint8Array([1]));
    expect(journal.numbers.reservations()).toHaveLength(3);
    journal.end('cmd_1', () => new Uint8Array([1]), 'runs');
    expect(journal.numbers.reservations()).toEqual([on(8, 'cmd_2')]);
    journal.close();
  });

  test('write nothing where nothing differs', () => {
    const journal = open();
    const seen = [{ vmid: 9, serverId: 'srv_3', sinceMs: 5 }];
    journal.numbers.keepUnwanted(seen);
    const { lsn } = journal.standing();
    journal.numbers.keepUnwanted(seen);
    journal.numbers.release(1);
    expect(journal.standing().lsn).toBe(lsn);
    journal.numbers.keepUnwanted([]);
    expect(journal.numbers.unwanted()).toEqual([]);
    journal.close();
  });
});
