import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DeadlineError } from './deadline.ts';
import { tryLock, waitForLock } from './lock.ts';

describe('the lock', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lock-'));
    path = join(folder, 'a.lock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('has one holder, and is free again after its release', () => {
    const held = tryLock(path);
    expect(held).toBeDefined();
    expect(tryLock(path)).toBeUndefined();
    held?.release();
    held?.release();
    const next = tryLock(path);
    expect(next).toBeDefined();
    next?.release();
  });

  test('is given back by the kernel when its holder is killed', async () => {
    const module = JSON.stringify(join(import.meta.dirname, 'lock.ts'));
    const script = `import(${module}).then((m) => { m.tryLock(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1000); })`;
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    expect(tryLock(path)).toBeUndefined();
    holder.kill('SIGKILL');
    let waited = 0;
    const lock = await waitForLock(path, 10_000, () => (waited += 1));
    expect(waited).toBeLessThanOrEqual(1);
    lock.release();
  });

  test('waits no longer than told', async () => {
    const held = tryLock(path);
    await expect(waitForLock(path, 50, () => {})).rejects.toThrow(DeadlineError);
    held?.release();
  });
});
