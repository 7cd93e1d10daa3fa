import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { which } from '../program/programs.ts';
import { cpioArchive } from './cpio.ts';

const cpio = which('cpio', process.env['PATH'] ?? '');

it.skipIf(cpio === undefined)('makes an archive that cpio unpacks (skipped where there is none)', () => {
  const archive = cpioArchive([
    { name: 'bin', mode: 0o040755, content: new Uint8Array() },
    { name: 'bin/odd', mode: 0o100755, content: Buffer.from('seven b') },
    { name: 'empty', mode: 0o100600, content: new Uint8Array() },
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'truffle-cpio-'));
  try {
    execFileSync(cpio ?? '', ['-i', '--quiet'], { cwd: folder, input: archive });
    expect(readFileSync(join(folder, 'bin', 'odd'), 'utf8')).toBe('seven b');
    expect(statSync(join(folder, 'bin', 'odd')).mode & 0o777).toBe(0o755);
    expect(readFileSync(join(folder, 'empty'), 'utf8')).toBe('');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
