import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRecipient } from '@truffle/sealing';
import { expect, onTestFinished, test } from 'vitest';
import { Desk } from '../testing/program.ts';

function newDesk(env: NodeJS.ProcessEnv = {}): Desk {
  const desk = new Desk(env);
  onTestFinished(() => desk.remove());
  return desk;
}

test('a key is made once, for its owner alone, and its public half shown', async () => {
  const desk = newDesk();
  expect(await desk.run('key', 'show')).toMatchObject({
    code: 2,
    err: expect.stringContaining('next: truffle key create'),
  });
  const made = await desk.run('key', 'create', '--output', 'json');
  expect(made.code, made.err).toBe(0);
  const { key, fingerprint, path } = JSON.parse(made.out) as Record<string, string>;
  expect(parseRecipient(key ?? '')).toHaveLength(32);
  expect(made.err).toContain(`recipients: [${key}]`);
  expect(path).toBe(join(desk.home, '.config/truffle/key.json'));
  expect(statSync(path ?? '').mode & 0o777).toBe(0o600);
  const kept = readFileSync(path ?? '', 'utf8');
  const { privateKey } = JSON.parse(kept) as { privateKey: string };
  expect(made.out + made.err).not.toContain(privateKey);
  const again = await desk.run('key', 'create');
  expect([again.code, again.err]).toEqual([6, expect.stringContaining('you have a key already')]);
  expect(readFileSync(path ?? '', 'utf8')).toBe(kept);
  expect((await desk.run('key', 'show')).out).toBe(`${key}\n${fingerprint}\n`);
  expect((await desk.run('key', 'show', '-o', 'name')).out).toBe(`${key}\n`);
}, 30_000);

test('a key that others may read, or that is damaged, is not used', async () => {
  const desk = newDesk();
  const { path } = JSON.parse((await desk.run('key', 'create', '-o', 'json')).out) as { path: string };
  chmodSync(path, 0o644);
  expect(await desk.run('key', 'show')).toMatchObject({ code: 2, err: expect.stringContaining(`chmod 600 ${path}`) });
  chmodSync(path, 0o600);
  writeFileSync(path, '{"privateKey": "secret');
  const damaged = await desk.run('key', 'show');
  expect([damaged.code, damaged.out]).toEqual([2, '']);
  expect(damaged.err).toContain(`${path} is no key`);
  expect(damaged.err).not.toContain('"secret');
}, 30_000);

test('where a project file is in force the key is beside it, and the home stays as it is', async () => {
  const desk = newDesk();
  mkdirSync(join(desk.home, '.truffle'));
  writeFileSync(join(desk.home, '.truffle/context.json'), '{"endpoint": "http://127.0.0.1:1"}');
  const { path } = JSON.parse((await desk.run('key', 'create', '-o', 'json')).out) as { path: string };
  expect(path).toMatch(/\/\.truffle\/key\.json$/);
  expect(existsSync(join(desk.home, '.config'))).toBe(false);
  // Another place decides where commands go: another key.
  const elsewhere = await desk.run('key', 'show', '--endpoint', 'http://127.0.0.1:2');
  expect(elsewhere.code).toBe(2);
}, 30_000);
