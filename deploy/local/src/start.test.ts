import { spawn } from 'node:child_process';
import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { until } from './deadline.ts';
import { removeState } from './engines.ts';
import { isRunning } from './process-identity.ts';
import { checkout, openStateFolder, readJson } from './state-folder.ts';
import type { Stoppable } from './stop-process.ts';
import { currentSupervisor } from './supervisor-record.ts';

const stateDir = mkdtempSync(join(tmpdir(), 'start-'));
const folder = openStateFolder(stateDir);
const patience = 20 * 60_000;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs what an npm script runs, in a state folder of its own. */
function launch(...args: string[]): {
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly printed: () => string;
  readonly outcome: Promise<Outcome>;
} {
  const env = { ...process.env, TRUFFLE_STATE_DIR: stateDir };
  const child = spawn(process.execPath, [join(checkout, 'deploy', 'local', 'launch.mjs'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const outcome = new Promise<Outcome>((done, fail) => {
    child.once('error', fail).once('close', (code) => done({ code, stdout, stderr }));
  });
  return { kill: (signal) => void child.kill(signal), printed: () => stdout, outcome };
}

const run = (...args: string[]): Promise<Outcome> => launch(...args).outcome;
const started = (): Stoppable[] => (readJson(folder.children) ?? []) as Stoppable[];

describe('npm start', () => {
  afterEach(async () => {
    await run('stop');
  });
  afterAll(() => removeState(stateDir));

  test(
    'detached prints one line of JSON, is joined by a second start, and ends with npm stop',
    async () => {
      const first = await run('start', '--engines-only', '--detach', '--json');
      expect(first.code, first.stderr).toBe(0);
      expect(first.stdout.trimEnd().split('\n')).toHaveLength(1);
      expect(JSON.parse(first.stdout)).toMatchObject({
        databaseUrl: expect.any(String),
        natsUrl: expect.any(String),
        temporalAddress: expect.any(String),
      });
      expect(statSync(folder.supervisor).mode & 0o077).toBe(0);

      const second = await run('start', '--engines-only', '--json');
      expect(second).toMatchObject({ code: 0, stdout: first.stdout });
      expect(second.stderr).toContain('already running here');
      expect(await run('start', '--engines-only', '--reset')).toMatchObject({ code: 2, stdout: '' });

      const children = started();
      expect(children.map((child) => child.name).toSorted()).toEqual(['nats', 'postgres', 'temporal']);
      expect(await run('stop')).toMatchObject({ code: 0, stdout: '' });
      expect(children.filter(isRunning)).toEqual([]);
      expect(currentSupervisor(folder)).toBeUndefined();
    },
    patience,
  );

  test('stays in the foreground until a signal, and leaves nothing', async () => {
    const { kill, printed, outcome } = launch('start', '--engines-only', '--json');
    await until({ what: 'the start', milliseconds: 60_000 }, () => printed().includes('\n'));
    const children = started();
    kill('SIGINT');
    expect((await outcome).code).toBe(0);
    expect(children).toHaveLength(3);
    expect(children.filter(isRunning)).toEqual([]);
  }, 90_000);

  test('says which engine died, with the end of its log, and ends the others', async () => {
    const { printed, outcome } = launch('start', '--engines-only', '--json');
    await until({ what: 'the start', milliseconds: 60_000 }, () => printed().includes('\n'));
    const children = started();
    process.kill(children.find((child) => child.name === 'nats')?.pid ?? 0, 'SIGKILL');
    const { code, stderr } = await outcome;
    expect(code).toBe(1);
    expect(stderr).toContain('nats ended (signal SIGKILL). Its log ends with:');
    expect(children.filter(isRunning)).toEqual([]);
  }, 90_000);

  test('explains itself and refuses what it does not know', async () => {
    expect(await run('start', '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('--detach') });
    expect(await run('start', '--jsno')).toMatchObject({ code: 2, stdout: '' });
  });
});
