import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chooseAccel, whyNot } from './accel.ts';
import { findQemu, which } from './programs.ts';

const there = which('qemu-system-x86_64', process.env['PATH'] ?? '') !== undefined;

describe.skipIf(!there)(`what guests run under${there ? '' : ' (skipped: QEMU is not installed)'}`, () => {
  it('is asked of a guest that comes to its end wherever guests run', async () => {
    expect(await whyNot(findQemu(), 'tcg', 25_000)).toBeUndefined();
  });

  it('is asked once, and kept with its reason', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'truffle-accel-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const choice = await chooseAccel(findQemu(), folder);
    const [file = ''] = readdirSync(folder);
    expect(JSON.parse(readFileSync(join(folder, file), 'utf8'))).toEqual(choice);
    expect(await chooseAccel({ system: '/nowhere', img: '/nowhere' }, folder)).toEqual(choice);
  });
});
