import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { chownSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startChild } from '../testing/child.ts';
import { testFolder } from '../testing/folder.ts';
import { PolicyFile, readPolicyFile, type PolicyState } from './policy.file.ts';

const newFile = (text = 'exec: off\n'): string => {
  const path = join(testFolder(), 'policy.yaml');
  writeFileSync(path, text, { mode: 0o644 });
  return path;
};
const stateOf = (path: string | undefined): PolicyState => new PolicyFile(path, () => undefined).current();
const problemOf = (path: string): string => {
  const state = stateOf(path);
  return state.kind === 'broken' ? state.problem : state.kind;
};

describe('the policy file', () => {
  it('that is not named leaves everything to the site config', () => {
    expect(stateOf(undefined)).toMatchObject({ kind: 'none', policy: { exec: true } });
  });

  it('is taken when only root and we may write to it', () => {
    expect(stateOf(newFile())).toMatchObject({ kind: 'in force', policy: { exec: false } });
  });

  it('that is named and not there, is no file or is too large allows nothing', () => {
    const path = newFile();
    expect(problemOf(join(dirname(path), 'none.yaml'))).toContain("can't be read (ENOENT)");
    expect(problemOf(dirname(path))).toContain("can't be read (EISDIR)");
    expect(problemOf(newFile(`# ${'x'.repeat(70_000)}`))).toContain('larger than');
  });

  it('that others may write to, itself or through its folder, allows nothing', () => {
    const path = newFile();
    for (const mode of [0o664, 0o646]) {
      chmodSync(path, mode);
      expect(problemOf(path)).toContain('others may write to it');
    }
    chmodSync(path, 0o644);
    chmodSync(dirname(path), 0o777);
    expect(problemOf(path)).toContain('others may write to its folder');
    // Where only the owner may rename (as in a folder for temporary files), nobody else can put another file in its place.
    chmodSync(dirname(path), 0o1777);
    expect(problemOf(path)).toBe('in force');
    // What counts is where a link leads.
    const linked = join(testFolder(), 'linked.yaml');
    symlinkSync(path, linked);
    chmodSync(dirname(path), 0o777);
    expect(problemOf(linked)).toContain('others may write to its folder');
  });

  it.skipIf(process.getuid?.() !== 0)('of another user allows nothing', () => {
    const path = newFile();
    chownSync(path, 12_345, 0);
    expect(problemOf(path)).toContain('belongs to another user (12345)');
  });

  it('is read again when it changed, and told once for each change', () => {
    const path = newFile();
    const told: string[] = [];
    const file = new PolicyFile(path, (state) => told.push(state.kind));
    file.current();
    file.current();
    expect(told).toEqual(['in force']);
    // As an editor does it: another file takes the name, with the same size and times.
    writeFileSync(`${path}.new`, 'exec: on \n', { mode: 0o644 });
    utimesSync(`${path}.new`, 1, 1);
    utimesSync(path, 1, 1);
    renameSync(`${path}.new`, path);
    expect(file.current()).toMatchObject({ policy: { exec: true } });
    writeFileSync(path, 'exec: perhaps\n');
    expect(file.current()).toMatchObject({ kind: 'broken', problem: `${path}:1:1: exec must be on or off` });
    file.current();
    rmSync(path);
    expect(file.current().kind).toBe('broken');
    file.current();
    writeFileSync(path, 'exec: off\n', { mode: 0o644 });
    expect(file.current()).toMatchObject({ kind: 'in force', policy: { exec: false } });
    chmodSync(path, 0o666);
    expect(file.current().kind).toBe('broken');
    expect(told).toEqual(['in force', 'in force', 'broken', 'broken', 'in force', 'broken']);
  });
});

describe('truffle-agent policy check', () => {
  const check = (path: string) => startChild(['agent/src/main.ts', 'policy', 'check', '--policy', path]);

  it('prints what is allowed', async () => {
    const child = check(newFile('vmids: 200-299\nlimits: { memory: 4GiB, deletesPerHour: 2 }\nexec: off\n'));
    expect(await child.ended).toBe(0);
    expect(child.stdout()).toMatch(/vmids +200-299\n/);
    expect(child.stdout()).toMatch(/memory +4Gi/);
    expect(child.stdout()).toMatch(/deletes\/hour +2\n/);
    expect(child.stdout()).toMatch(/exec +off\n/);
  });

  it('says where it is wrong', async () => {
    const path = newFile('exec: off\nlimits:\n  cpus: 4\n');
    const child = check(path);
    expect(await child.ended).toBe(1);
    expect(child.stderr()).toContain(`${path}:3:3: limits.cpus is not known here`);
  });

  it('reads what the agent would read', () => {
    const folder = join(testFolder(), 'open');
    mkdirSync(folder, { mode: 0o777 });
    chmodSync(folder, 0o777);
    writeFileSync(join(folder, 'policy.yaml'), 'exec: on');
    expect(() => readPolicyFile(join(folder, 'policy.yaml'))).toThrow(/others may write/);
  });
});
