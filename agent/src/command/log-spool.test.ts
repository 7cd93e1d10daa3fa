import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Journal } from '../journal/journal.ts';
import { testEntry } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import type { LogLine } from './log-buffer.ts';
import { LogSpool, type SpoolLimits } from './log-spool.ts';
import { Reports } from './report.ts';

const line = (n: number): LogLine => ({ n, wall: n, stream: 'stdout', text: `line ${n}`.padEnd(36) });
const lines = (from: number, to: number): LogLine[] => Array.from({ length: to - from + 1 }, (_, i) => line(from + i));
/** A line costs 100; a command may have ten, all together twenty-five. */
const small: SpoolLimits = { perCommand: 1_000, inAll: 2_500 };

function open(path = join(testFolder(), 'spool.db'), limits = small): LogSpool {
  const spool = new LogSpool(path, limits);
  onTestFinished(() => {
    try {
      spool.close();
    } catch {
      // It was closed by the test.
    }
  });
  return spool;
}

const all = (spool: LogSpool, id: string, limit = 250): string[] => {
  const texts: string[] = [];
  for (let taken = spool.take(id, limit); taken.length > 0; taken = spool.take(id, limit))
    texts.push(...taken.map(({ text }) => text.trim()));
  return texts;
};

test('gives lines back in order, also to the next process', () => {
  const path = join(testFolder(), 'spool.db');
  const first = open(path);
  first.append('cmd_1', lines(1, 4));
  first.append('cmd_2', lines(5, 6));
  expect(first.take('cmd_1', 150).map(({ n }) => n)).toEqual([1]);
  first.close();
  const second = open(path);
  expect([...second.commands]).toEqual(['cmd_1', 'cmd_2']);
  expect(all(second, 'cmd_1')).toEqual(['line 2', 'line 3', 'line 4']);
  expect(all(second, 'cmd_2')).toEqual(['line 5', 'line 6']);
  expect([...second.commands]).toEqual([]);
});

test('keeps the beginning and the end of a command, and says what is missing between', () => {
  const path = join(testFolder(), 'spool.db');
  const spool = open(path);
  for (let n = 1; n <= 40; n++) spool.append('cmd_1', [line(n)]);
  spool.close();
  const again = open(path);
  again.append('cmd_1', lines(41, 50));
  const texts = all(again, 'cmd_1');
  const gap = texts.findIndex((text) => text.startsWith('[gap: '));
  const [, count, from, to] = /^\[gap: (\d+) lines left out, (\d+) to (\d+)\]$/.exec(texts[gap] ?? '') ?? [];
  expect(texts[0]).toBe('line 1');
  expect(texts.at(-1)).toBe('line 50');
  expect(texts.length - 1 + Number(count)).toBe(50);
  expect(texts[gap - 1]).toBe(`line ${Number(from) - 1}`);
  expect(texts[gap + 1]).toBe(`line ${Number(to) + 1}`);
  expect(texts.length - 1).toBeLessThanOrEqual(10);
});

test('is bounded over all commands: the one that has waited longest loses its lines, with a gap', () => {
  const spool = open();
  for (const [i, id] of ['cmd_1', 'cmd_2', 'cmd_3'].entries()) spool.append(id, lines(i * 10 + 1, i * 10 + 10));
  const texts = ['cmd_1', 'cmd_2', 'cmd_3'].map((id) => all(spool, id));
  expect(texts[0]?.[0]).toBe('[gap: 5 lines left out, 1 to 5]');
  expect(texts.map((each) => each.filter((text) => text.startsWith('line')).length)).toEqual([5, 10, 10]);
});

test('a file that is none is begun anew', () => {
  const path = join(testFolder(), 'spool.db');
  writeFileSync(path, 'this is no spool, and it never was one'.repeat(50));
  const spool = open(path);
  expect(spool.append('cmd_1', lines(1, 1))).toBe(true);
  expect(all(spool, 'cmd_1')).toEqual(['line 1']);
});

test('a closed disk costs lines and nothing else', () => {
  const spool = open();
  spool.close();
  expect(spool.append('cmd_1', lines(1, 1))).toBe(false);
});

test('what a command wrote while nobody listened is told by the next process, before its result', () => {
  const folder = testFolder();
  const begin = () => {
    const journal = new Journal(join(folder, 'journal.db'), (error) => {
      throw error;
    });
    const spool = new LogSpool(join(folder, 'spool.db'), { perCommand: 400_000, inAll: 800_000 });
    const reports = new Reports({ journal, spool, clock: new VirtualClock(), wake: () => undefined });
    return { journal, spool, reports };
  };
  const first = begin();
  first.journal.accept(testEntry({ id: 'cmd_1', needsPermit: false }));
  for (let n = 1; n <= 5_000; n++) first.reports.log('cmd_1', 'stdout', `line ${n} ${'x'.repeat(100)}`);
  first.journal.end('cmd_1', () => new Uint8Array());
  first.reports.flush();
  first.spool.close();
  first.journal.close();

  const { journal, spool, reports } = begin();
  reports.renew();
  const texts: string[] = [];
  let ended = false;
  for (let next = reports.take(); next !== undefined; next = reports.take())
    if (next.frame.case === 'logs') {
      expect(ended).toBe(false);
      texts.push(...next.frame.value.entries.map(({ text }) => text));
    } else ended = next.frame.case === 'result';
  expect(ended).toBe(true);
  const gaps = texts.filter((text) => text.startsWith('[gap: '));
  const missing = gaps.map((text) => Number(/^\[gap: (\d+)/.exec(text)?.[1])).reduce((sum, n) => sum + n, 0);
  expect(gaps).toHaveLength(1);
  expect(texts.length - 1 + missing).toBe(5_000);
  expect(texts[0]).toMatch(/^line 1 /);
  expect(texts.at(-1)).toMatch(/^line 5000 /);
  expect([...spool.commands]).toEqual([]);
  spool.close();
  journal.close();
});
