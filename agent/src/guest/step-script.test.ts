import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readStepReport, startScript, type StepReport, unwritable, watchScript } from './step-script.ts';

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
  expect(readFileSync(join(dir, 'cut'), 'utf8')).toBe(`${total - mebi}\n`);
  // What the step goes on to write lies behind it.
  appendFileSync(log, 'more\n');
  expect(look(total)).toMatchObject({ offset: total + 5, output: 'more\n', gap: 0 });
});

/** A small file system, and a shell that starts a step on it; systemd is not asked: its part is played by running the step at once. */
function small(kib: number) {
  const root = mkdtempSync(join(tmpdir(), 'truffle-small-'));
  const bin = mkdtempSync(join(tmpdir(), 'truffle-bin-'));
  onTestFinished(() => {
    spawnSync('umount', ['-l', root], { stdio: 'ignore' });
    for (const folder of [root, bin]) rmSync(folder, { recursive: true, force: true });
  });
  writeFileSync(join(bin, 'systemd-run'), '#!/bin/sh\nfor last; do :; done\nexec sh "$last"\n', { mode: 0o755 });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', root]).status === 0;
  const dir = join(root, 'run', 'step');
  const start = (run: string) => {
    const step = { name: 'fill', run, env: {}, idempotent: true, timeoutMs: 10_000, onChangeOf: undefined };
    const script = startScript({ dir, unit: 'truffle-small' }, step);
    return spawnSync('sh', ['-c', script], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
    });
  };
  return { mounted, root, dir, start };
}

it('a step that fills the disk ends with its own exit status and says so', (context) => {
  const { mounted, root, start } = small(256);
  if (!mounted) return context.skip('only root may mount the small file system that a full disk needs');
  const { stdout } = start(`echo begins; dd if=/dev/zero of=${root}/big bs=4k; exit 9`);
  const report = readStepReport(stdout);
  expect(report?.at).toEqual({ state: 'exit', code: 9 });
  expect(report?.output).toContain('begins');
});

it('a step that fills the disk with what it prints ends with its last lines', (context) => {
  const { mounted, dir, start } = small(32 * 1024);
  if (!mounted) return context.skip('only root may mount the small file system that a full disk needs');
  const { stdout } = start('yes "a line" | head -c 67108864; sleep 0.3; echo the end; exit 9');
  const report = readStepReport(stdout);
  expect(report?.at).toEqual({ state: 'exit', code: 9 });
  expect(report?.gap).toBeGreaterThan(16 * mebi);
  expect(statSync(join(dir, 'log')).size).toBe(mebi);
});

it('on a full disk no half of a step begins', (context) => {
  const { mounted, root, dir, start } = small(64);
  if (!mounted) return context.skip('only root may mount the small file system that a full disk needs');
  mkdirSync(join(root, 'run'));
  spawnSync('dd', ['if=/dev/zero', `of=${root}/big`, 'bs=4k', 'count=12'], { stdio: 'ignore' });
  const { status, stderr } = start(`${'# filling\n'.repeat(3_000)}echo ran > ${root}/ran`);
  expect(status).toBe(unwritable);
  expect(stderr).toContain('No space left on device');
  expect([existsSync(dir), existsSync(join(root, 'ran'))]).toEqual([false, false]);
});
