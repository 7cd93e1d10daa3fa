import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { testDatabase, testEngines, until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getAgent, pingAgent } from './agent/agent.usecases.ts';
import { createJoinToken } from './agent/enrollment.usecases.ts';
import { agentGatewayMigrations } from './migrations.ts';
import { makeWorld, type Running, type World } from './testing/world.ts';

// The one file that customers run, as it is built for this platform: by itself, and at a real gateway.

const agentFolder = resolve(import.meta.dirname, '../../../agent');
const buildMs = 120_000;
const run = promisify(execFile);

let program: string;
beforeAll(async () => {
  const { stdout } = await run(process.execPath, [join(agentFolder, 'sea.ts')], { timeout: buildMs });
  program = (JSON.parse(stdout) as { path: string }).path;
}, buildMs);

/** No Node is in reach of it. */
const bare = { PATH: '/nowhere' };

describe('the executable by itself', () => {
  it('says which version it is, without a Node beside it', async () => {
    const { stdout } = await run(program, ['version'], { env: bare });
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+/);
    expect(statSync(program).size).toBeLessThan(200 * 1024 * 1024);
  });

  it('prints the licences of all that is in it', async () => {
    const { stdout } = await run(program, ['licenses'], { env: bare, maxBuffer: 16 * 1024 * 1024 });
    const parts = ['Truffle agent', '@grpc/grpc-js', 'ssh2', 'pino', `Node.js ${process.versions.node}`, 'V8'];
    expect(parts.filter((part) => !stdout.includes(part))).toEqual([]);
    expect(stdout).not.toMatch(/^@truffle\//m);
  });

  it('takes nothing from an environment or a folder that others may write', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'truffle-executable-'));
    try {
      mkdirSync(join(folder, 'node_modules/cpu-features'), { recursive: true });
      const evil = join(folder, 'node_modules/cpu-features/index.js');
      writeFileSync(evil, 'console.log("taken over");');
      const env = { ...bare, NODE_OPTIONS: `--require ${evil}`, NODE_PATH: join(folder, 'node_modules') };
      const { stdout } = await run(program, ['version'], { env, cwd: folder });
      expect(stdout).not.toContain('taken over');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says what is wrong with its command line: exit code 2', async () => {
    await expect(run(program, ['bogus'], { env: bare })).rejects.toMatchObject({ code: 2 });
  });
});

describe('the executable at a gateway', () => {
  let world: World;
  let one: Running;
  let folder: string;
  let running: ChildProcess | undefined;

  beforeAll(async () => {
    const database = await testDatabase([agentGatewayMigrations]);
    world = await makeWorld(database, testEngines().natsUrl);
    one = await world.startGateway();
    folder = mkdtempSync(join(tmpdir(), 'truffle-executable-'));
  });
  afterAll(async () => {
    running?.kill('SIGKILL');
    await world?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('enrols, is ready, does a command, and leaves on SIGTERM', async () => {
    const { token } = await createJoinToken(world.enrollment, world.caller, 'one-file', false);
    const pin = world.enrollment.authorities.pins;
    const data = ['--data-dir', join(folder, 'data')];
    await run(program, ['enroll', '--server', world.origin, '--ca-pin', pin, ...data], {
      env: { ...bare, TRUFFLE_JOIN_TOKEN: token },
    });
    const readyFile = join(folder, 'ready');
    const child = spawn(program, ['run', ...data], {
      env: { ...bare, TRUFFLE_AGENT_READY_FILE: readyFile, TRUFFLE_AGENT_RESERVE_MIB: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    running = child;
    const { agentId } = JSON.parse(readFileSync(join(folder, 'data/identity/agent.json'), 'utf8')) as {
      agentId: string;
    };
    await until(
      'the agent to be online',
      async () => (await getAgent(one.parts, world.orgId, agentId)).row.state === 'ONLINE',
    );
    await until('the ready file', () => statSync(readyFile, { throwIfNoEntry: false }));
    await pingAgent(one.parts, world.caller, agentId);
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    expect(await gone).toBe(0);
    expect(statSync(readyFile, { throwIfNoEntry: false })).toBeUndefined();
  });
});
