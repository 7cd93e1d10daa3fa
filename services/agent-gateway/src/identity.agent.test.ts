import { randomBytes } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { programEnvironment } from '@truffle/config';
import { fingerprintWords, keyLogProblem } from '@truffle/sealing';
import { testDatabase, testEngines, until, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { admitAgent, freeAgent, getAgent, pingAgent } from './agent/agent.usecases.ts';
import { createJoinToken } from './agent/enrollment.usecases.ts';
import { agentGatewayMigrations } from './migrations.ts';
import { entryOf, listSealingKeys } from './sealing-key/sealing-key.usecases.ts';
import { makeWorld, type Running, type World } from './testing/world.ts';

// The real agent's program, with certificates that last seconds, or where time is not what is tried, an hour.

const program = resolve(import.meta.dirname, '../../../agent/src/main.ts');
const lifeMs = 6_000;

let database: TestDatabase;
let world: World;
let one: Running;

const inWorld = (certificateMs: number): void => {
  beforeAll(async () => {
    database = await testDatabase([agentGatewayMigrations]);
    world = await makeWorld(database, testEngines().natsUrl, { certificateMs });
    one = await world.startGateway();
  });
  afterAll(() => world?.close());
};

interface Agent {
  readonly folder: string;
  readonly agentId: string;
  /** Exchanges the token by the path that a customer takes. */
  enroll(token: string): Promise<void>;
  start(): void;
  kill(): Promise<void>;
  log(): string;
  run(...args: readonly string[]): Promise<string>;
}

const stateOf = async (id: string) => (await getAgent(one.parts, world.orgId, id)).row.state;
const serialOf = async (id: string) => (await getAgent(one.parts, world.orgId, id)).row.certificate_serial;
const eventsOf = async (agentId: string): Promise<string[]> => {
  const { rows } = await database.admin.query<{ type: string }>(
    'select type from ledger.event where resource_id = $1 order by occurred_at, id',
    [agentId],
  );
  return rows.map((row) => row.type.replace(/^dev\.truffle\.|\.v1$/g, ''));
};

async function newAgent(name: string, requireApproval = false): Promise<Agent> {
  const { token } = await createJoinToken(world.enrollment, world.caller, name, requireApproval);
  const agent = agentIn(mkdtempSync(join(tmpdir(), 'truffle-agent-')));
  await agent.enroll(token);
  return agent;
}

/** The agent of a data folder. */
function agentIn(folder: string): Agent {
  let running: ChildProcess | undefined;
  let log = '';
  const launch = (args: readonly string[], env: Record<string, string> = {}): ChildProcess => {
    const child = spawn(process.execPath, [program, ...args, '--data-dir', folder], {
      env: { ...programEnvironment(process.env), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    return child;
  };
  const run = async (args: readonly string[], env: Record<string, string> = {}): Promise<string> => {
    const child = launch(args, env);
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
    const code = await new Promise((done) => child.once('close', done));
    if (code !== 0) throw new Error(`the agent ended with ${String(code)}: ${log}`);
    return out;
  };
  const kill = async (): Promise<void> => {
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((done) => running?.once('exit', done));
    running.kill('SIGKILL');
    await gone;
  };
  onTestFinished(async () => {
    await kill();
    rmSync(folder, { recursive: true });
  });
  return {
    folder,
    get agentId() {
      return (JSON.parse(readFileSync(join(folder, 'identity/agent.json'), 'utf8')) as { agentId: string }).agentId;
    },
    enroll: async (token) => {
      const pin = world.enrollment.authorities.pins;
      await run(['enroll', '--server', world.origin, '--ca-pin', pin], { TRUFFLE_JOIN_TOKEN: token });
    },
    start: () => void (running = launch(['run'])),
    kill,
    log: () => log,
    run: (...args) => run(args),
  };
}
const online = (agentId: string) =>
  until(`${agentId} online`, async () => (await stateOf(agentId)) === 'ONLINE', 45_000);

describe('the real agent', () => {
  inWorld(lifeMs);

  it('renews twice and more while it works, and is never seen offline', async () => {
    const agent = await newAgent('renewing');
    agent.start();
    await online(agent.agentId);
    const serials = new Set([await serialOf(agent.agentId)]);
    await until(
      'three certificates',
      async () => {
        await pingAgent(one.parts, world.caller, agent.agentId);
        return serials.add(await serialOf(agent.agentId)).size === 3;
      },
      3 * lifeMs,
    );
    const events = await eventsOf(agent.agentId);
    expect(events.filter((name) => name === 'agent.certificate_renewed').length).toBeGreaterThanOrEqual(2);
    expect(events).not.toContain('agent.offline');
    expect(existsSync(join(agent.folder, 'identity/certificate.pem'))).toBe(false);
    const keys = await listSealingKeys(one.parts.database, world.orgId, agent.agentId);
    expect(keyLogProblem(agent.agentId, keys.map(entryOf))).toBeUndefined();
    expect(keys.map((row) => fingerprintWords(row.public_key))).toEqual([
      (JSON.parse(await agent.run('status', '--json')) as { fingerprint: string }).fingerprint,
    ]);
  }, 60_000);

  it('recovers by itself after it was away for longer than its certificate was good, once; then a person lets it', async () => {
    const agent = await newAgent('away');
    agent.start();
    await online(agent.agentId);
    for (const time of ['first', 'second']) {
      await agent.kill();
      const { row } = await getAgent(one.parts, world.orgId, agent.agentId);
      const ends = Math.max(row.certificate_ends?.getTime() ?? 0, row.next_ends?.getTime() ?? 0);
      await until(`${time} certificate ended`, () => Date.now() > ends + 500, lifeMs + 5_000);
      agent.start();
      if (time === 'second') {
        await until('refused', () => /did not let this agent recover/.test(agent.log()), 15_000);
        expect(await eventsOf(agent.agentId)).toContain('agent.recovery_refused');
        await agent.kill();
        await freeAgent(one.parts, world.caller, { agentId: agent.agentId, revision: 0n, holder: '' });
        agent.start();
      }
      await online(agent.agentId);
      await pingAgent(one.parts, world.caller, agent.agentId);
    }
    expect((await eventsOf(agent.agentId)).filter((name) => name === 'agent.recovered')).toHaveLength(2);
  }, 90_000);

  it('tells that its key was substituted, is quarantined for it, and rotates its key once it is out again', async () => {
    const agent = await newAgent('substituted');
    agent.start();
    await online(agent.agentId);
    const logged = () => listSealingKeys(one.parts.database, world.orgId, agent.agentId);
    const [first] = await until('its entry', async () => ((await logged()).length > 0 ? logged() : undefined), 15_000);
    const publish = (key: Buffer | undefined) =>
      database.admin.query('update agent_gateway.agent set sealing_public_key = $1 where id = $2', [
        key,
        agent.agentId,
      ]);
    await publish(randomBytes(32));
    // It looks before it rotates; what it sees goes before what a person asked for.
    const asked = agent.run('rotate-sealing-key').catch(() => '');
    await until('quarantined', async () => (await stateOf(agent.agentId)) === 'QUARANTINED', 15_000);
    await until('it knows', () => agent.log().includes('in quarantine: no work is begun'), 15_000);
    const { quarantine } = await getAgent(one.parts, world.orgId, agent.agentId);
    expect(quarantine?.row).toMatchObject({ reason: 'KEY_SUBSTITUTED', message: 'another key is published' });
    expect(await agent.run('status')).toMatch(
      /quarantine {3}KEY_SUBSTITUTED since .*\nway out .*truffle agent release agt_\w+ --holder [0-9a-f]{12}\nKEY SUBSTITUTED since /,
    );
    expect(await logged()).toHaveLength(1);
    await publish(first?.public_key);
    const { holder } = JSON.parse(await agent.run('status', '--json')) as { holder: string };
    await freeAgent(one.parts, world.caller, { agentId: agent.agentId, revision: 0n, holder });
    await online(agent.agentId);
    await asked;
    await until('rotated', async () => (await logged()).length === 2, 15_000);
    const { row } = await getAgent(one.parts, world.orgId, agent.agentId);
    const keys = (await logged()).map(entryOf);
    expect(keyLogProblem(agent.agentId, keys)).toBeUndefined();
    expect(row.sealing_public_key).toEqual(Buffer.from(keys[1]?.publicKey ?? []));
    const shown = await until('noted', async () => {
      const status = JSON.parse(await agent.run('status', '--json')) as Record<string, never>;
      return status['fingerprint'] === fingerprintWords(row.sealing_public_key) ? status : undefined;
    });
    expect(shown).toMatchObject({ sealing: { formerUntil: [expect.any(String)] }, keyLog: { n: 2 } });
    expect(await eventsOf(agent.agentId)).toEqual(
      expect.arrayContaining(['agent.quarantined', 'agent.released', 'agent.sealing_key_rotated']),
    );
    await pingAgent(one.parts, world.caller, agent.agentId);
  }, 120_000);

  it('waits for approval with its words', async () => {
    const agent = await newAgent('approved', true);
    agent.start();
    const { words } = JSON.parse(
      await until(
        'its words',
        () =>
          agent
            .log()
            .split('\n')
            .find((line) => line.includes('waiting for approval')),
        15_000,
      ),
    ) as { words: string };
    expect(JSON.parse(await agent.run('status', '--json'))).toMatchObject({ approval: words });
    await admitAgent(one.parts, world.caller, { agentId: agent.agentId, revision: 0n, fingerprint: words });
    await online(agent.agentId);
  }, 60_000);
});

describe('a copied data folder', () => {
  inWorld(3_600_000);

  it('puts both in quarantine; the chosen one goes on, the other one is a stranger after its reset', async () => {
    const original = await newAgent('original');
    original.start();
    await online(original.agentId);
    await original.kill();
    const folder = mkdtempSync(join(tmpdir(), 'truffle-agent-'));
    cpSync(original.folder, folder, { recursive: true });
    const copy = agentIn(folder);
    original.start();
    await until('original back', () => original.log().match(/session ready/g)?.length === 2, 15_000);
    copy.start();
    for (const agent of [original, copy])
      await until('both know', () => agent.log().includes('in quarantine: no work is begun'), 15_000);
    expect(await stateOf(original.agentId)).toBe('QUARANTINED');
    const shown = JSON.parse(await original.run('status', '--json')) as { holder: string; quarantine: object };
    expect(shown.quarantine).toMatchObject({ reason: 'QUARANTINED' });
    expect(await copy.run('status')).toMatch(/quarantine {3}IDENTITY_CONFLICT since /);
    await freeAgent(one.parts, world.caller, { agentId: original.agentId, revision: 0n, holder: shown.holder });
    await until('released', async () => (await stateOf(original.agentId)) === 'ONLINE', 60_000);
    await until('work goes on', () => original.log().includes('out of quarantine'), 5_000);
    await until('not chosen', () => copy.log().includes('NOT_CHOSEN'), 60_000);
    await pingAgent(one.parts, world.caller, original.agentId);
    await copy.kill();
    await copy.run('reset', '--yes');
    const { token } = await createJoinToken(world.enrollment, world.caller, 'another');
    await copy.enroll(token);
    copy.start();
    await online(copy.agentId);
    expect(copy.agentId).not.toBe(original.agentId);
    expect(await stateOf(original.agentId)).toBe('ONLINE');
  }, 180_000);
});
