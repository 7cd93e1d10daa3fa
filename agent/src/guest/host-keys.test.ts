import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { HostKeys } from './host-keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'truffle-host-keys-'));

afterEach(() => {
  spawnSync('umount', ['-l', folder], { stdio: 'ignore' });
});

it('pins the first key of a server until it is gone, over restarts', () => {
  const keys = new HostKeys(folder);
  expect([keys.accepts('srv_a', 'one'), keys.accepts('srv_a', 'two')]).toEqual([true, false]);
  expect(new HostKeys(folder).accepts('srv_a', 'two')).toBe(false);
  keys.forget('srv_a');
  expect(new HostKeys(folder).accepts('srv_a', 'two')).toBe(true);
  rmSync(join(folder, 'guest_host_keys'));
});

it('goes on while the disk is full, and writes down later what it learned', (context) => {
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0;
  if (!mounted) return context.skip('only root may mount the small file system that a full disk needs');
  const keys = new HostKeys(folder);
  keys.accepts('srv_a', 'one');
  const filler = join(folder, 'filler');
  spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'], { stdio: 'ignore' });
  for (let i = 0; i < 200; i++) keys.accepts(`srv_${i}`, 'a'.repeat(43));
  keys.forget('srv_a');
  expect(keys.accepts('srv_7', 'other')).toBe(false);
  rmSync(filler);
  expect(keys.accepts('srv_b', 'two')).toBe(true);
  const again = new HostKeys(folder);
  expect([again.accepts('srv_7', 'other'), again.accepts('srv_199', 'other'), again.accepts('srv_b', 'other')]).toEqual(
    [false, false, false],
  );
  expect(again.accepts('srv_a', 'another')).toBe(true);
});
