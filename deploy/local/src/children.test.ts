import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ChildError, openChildren, sweepChildren, type Program } from './children.ts';
import { until } from './deadline.ts';
import { identify, isRunning, signalProcess, type ProcessIdentity } from './process-identity.ts';
import { untilReady } from './readiness.ts';
import { openStateFolder, readJson, writeJson, type StateFolder } from './state-folder.ts';
import { stopProcess } from './stop-process.ts';

const sleeper = (name: string): Program => ({
  name,
  command: process.execPath,
  args: ['-e', 'console.log("up"); setInterval(() => {}, 1000)'],
});
const stubborn: Program = {
  name: 'stubborn',
  command: process.execPath,
  args: ['-e', 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)'],
  stopMilliseconds: 100,
};

describe('children', () => {
  let folder: StateFolder;
  beforeEach(() => {
    folder = openStateFolder(mkdtempSync(join(tmpdir(), 'children-')));
  });
  afterEach(() => rmSync(folder.root, { recursive: true }));

  const isUp = (name: string) => async (): Promise<boolean> =>
    readFileSync(join(folder.logs, `${name}.log`), 'utf8').includes('up');

  test('are logged, recorded, and ended in reverse order', async () => {
    const children = openChildren(folder);
    const ends: string[] = [];
    for (const name of ['one', 'two']) {
      const child = children.start(sleeper(name));
      void child.ended.then(() => ends.push(name));
      await untilReady(child, 10_000, isUp(name));
    }
    expect((readJson(folder.children) as unknown[]).length).toBe(2);
    await children.stopAll();
    expect(ends).toEqual(['two', 'one']);
    expect(readJson(folder.children)).toEqual([]);
    expect(() => children.start(sleeper('three'))).toThrow(ChildError);
  });

  test('are killed when they do not end in their time', async () => {
    const children = openChildren(folder);
    const child = children.start(stubborn);
    await untilReady(child, 10_000, isUp('stubborn'));
    await children.stopAll();
    expect(await child.ended).toBe('signal SIGKILL');
  });

  test('tell when one ends by itself, with the end of its log', async () => {
    const children = openChildren(folder);
    children.start({
      name: 'brief',
      command: process.execPath,
      args: ['-e', 'console.error("out of luck"); process.exit(3)'],
    });
    expect((await children.lost).message).toMatch(/brief ended \(code 3\)[\s\S]*out of luck/);
    await children.stopAll();
  });

  test('that end while starting fail the start', async () => {
    const children = openChildren(folder);
    const child = children.start({ name: 'brief', command: process.execPath, args: ['-e', 'process.exit(3)'] });
    await expect(untilReady(child, 10_000, async () => false)).rejects.toThrow('brief ended while starting (code 3)');
    await children.stopAll();
  });

  test('do not outlive a supervisor that is killed', async () => {
    const script = `
      Promise.all([import(${module('children.ts')}), import(${module('state-folder.ts')})]).then(([{ openChildren }, { openStateFolder }]) => {
        const child = openChildren(openStateFolder(${JSON.stringify(folder.root)})).start(${JSON.stringify(sleeper('orphan'))});
        console.log(child.pid);
        setInterval(() => {}, 1000);
      })`;
    const supervisor = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output] = (await once(supervisor.stdout, 'data')) as [Buffer];
    const orphan = identify(Number(output.toString('utf8'))) as ProcessIdentity;
    await until({ what: 'the orphan', milliseconds: 10_000 }, isUp('orphan'));
    supervisor.kill('SIGKILL');
    await until({ what: 'the end of the orphan', milliseconds: 10_000 }, () => !isRunning(orphan));
  });

  test('left over from a run that died are swept, but never a process that only has their pid', async () => {
    const leftover = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const how = { stopSignal: 'SIGTERM', stopMilliseconds: 5000 };
    writeJson(folder.children, [
      { ...identify(leftover.pid as number), name: 'leftover', ...how },
      { pid: bystander.pid, startedAt: 'another time', name: 'bystander', ...how },
    ]);
    const said: string[] = [];
    await sweepChildren(folder, (line) => said.push(line));
    expect(said).toEqual([`ended leftover (pid ${leftover.pid}), left over from a run that died`]);
    expect(identify(bystander.pid as number)).toBeDefined();
    bystander.kill('SIGKILL');
    await once(bystander, 'exit');
  });
});

describe('a process identity', () => {
  test('is the same for the same process and void once it is gone', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const known = identify(child.pid as number) as ProcessIdentity;
    expect(identify(known.pid)).toEqual(known);
    expect(await stopProcess({ ...known, name: 'child', stopSignal: 'SIGTERM', stopMilliseconds: 5000 })).toBe(
      'stopped',
    );
    expect(isRunning(known)).toBe(false);
    expect(signalProcess(known, 'SIGTERM')).toBe(false);
  });
});

const module = (file: string): string => JSON.stringify(join(import.meta.dirname, file));
