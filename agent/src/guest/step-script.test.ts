import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readStepReport, type StepReport, watchScript } from './step-script.ts';

const mebi = 1024 * 1024;

/** A step's folder on this machine, read by this machine's own shell. */
function step() {
  const dir = mkdtempSync(join(tmpdir(), 'truffle-step-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const look = (offset: number): StepReport => {
    const script = watchScript({ dir, unit: 'truffle-no-such-unit' }, offset);
    const { stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8', maxBuffer: 8 * mebi });
    const report = readStepReport(stdout);
    if (report === undefined) throw new Error(`no report: ${stdout.slice(0, 200)}`);
    return report;
  };
  return { log: join(dir, 'log'), dir, end: (code: number) => writeFileSync(join(dir, 'exit'), `${code}\n`), look };
}

it('a log is read in pieces, each once', () => {
  const { log, end, look } = step();
  const text = Array.from({ length: 60_000 }, (_, at) => `line ${at}\n`).join('');
  writeFileSync(log, text);
  end(0);
  let [read, offset] = ['', 0];
  for (;;) {
    const report = look(offset);
    expect(report).toMatchObject({ at: { state: 'exit', code: 0 }, gap: 0 });
    if (report.output === '') break;
    read += report.output;
    offset = report.offset;
  }
  expect(read === text).toBe(true);
});

it('of a step that printed far too much the end is kept, what is missing is counted, and its disk is given back', () => {
  const { log, dir, end, look } = step();
  const before = look.bind(undefined, 0);
  writeFileSync(log, 'begin\n');
  end(3);
  expect(before()).toMatchObject({ offset: 6, output: 'begin\n' });
  const block = Buffer.alloc(mebi, 'x\n');
  for (let at = 0; at < 40; at++) appendFileSync(log, block);
  appendFileSync(log, 'it broke\n');
  const total = statSync(log).size;
  let report = look(6);
  expect(report.gap).toBe(total - 6 - mebi);
  expect(statSync(log).size).toBe(mebi);
  let read = report.output;
  while (report.output !== '') {
    report = look(report.offset);
    expect(report.gap).toBe(0);
    read += report.output;
  }
  expect(report.offset).toBe(total);
  expect(read.length).toBe(mebi);
  expect(read.endsWith('it broke\n')).toBe(true);
  expect([existsSync(join(dir, 'end')), readFileSync(join(dir, 'cut'), 'utf8')]).toEqual([false, `${total - mebi}\n`]);
  // What the step goes on to write lies behind it.
  appendFileSync(log, 'more\n');
  expect(look(total)).toMatchObject({ offset: total + 5, output: 'more\n', gap: 0 });
});
