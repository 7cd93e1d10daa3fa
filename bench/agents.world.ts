import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '@truffle/database';
import { newId } from '@truffle/ids';
import { ensureInstallation } from '@truffle/kit';
import { startEngines } from '@truffle/local';
import { freePort } from '@truffle/testkit/free-port';
import pg from 'pg';
import { Authority, serverName } from '../services/agent-gateway/src/authority/authority.ts';
import { tenantMigrations } from '../services/tenant/src/index.ts';
import { agentGatewayMigrations } from '../services/agent-gateway/src/migrations.ts';
import { makeRequest } from '../services/agent-gateway/src/testing/peer.ts';
import type { Cast } from './agents.client.ts';

/** A process that agents or bare streams dial. */
export interface Serving {
  readonly pid: number;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Enrolled agents, and the two servers that their like may dial. */
export interface World {
  readonly admin: pg.Pool;
  readonly databasePid: number;
  startGateway(): Promise<Serving>;
  startBare(): Promise<Serving>;
  /** What the processes that play agents are given; `shares` of them. */
  casts(bare: boolean, shares: number): readonly Cast[];
  close(): Promise<void>;
}

const perOrg = 10;

/** Engines, tables, `count` agents in rows as enrolment writes them, each with a certificate of the real authority. */
export async function makeWorld(folder: string, count: number): Promise<World> {
  const engines = await startEngines({ stateDir: join(folder, 'engines'), quiet: true });
  const installation = ensureInstallation(join(folder, 'installation'));
  await migrate({
    adminUrl: engines.databaseUrl,
    passwords: installation.databasePasswords,
    contextMaster: installation.contextMaster,
    services: [tenantMigrations, agentGatewayMigrations],
  });
  const children = JSON.parse(readFileSync(join(folder, 'engines', 'children.json'), 'utf8')) as {
    name: string;
    pid: number;
  }[];
  const admin = new pg.Pool({ connectionString: engines.databaseUrl, max: 2 });
  const caDir = join(folder, 'agent-ca');
  const authority = await Authority.open(caDir);
  const { key, agents } = await issue(authority, count);
  await insert(admin, agents);
  const [port, barePort, apiPort, tenantPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const keys = join(folder, 'bare.json');
  writeFileSync(keys, JSON.stringify({ authority: authority.pem, ...(await authority.issueServer(['127.0.0.1'])) }), {
    mode: 0o600,
  });
  const env = {
    PATH: process.env['PATH'],
    TRUFFLE_LISTEN: `127.0.0.1:${apiPort}`,
    TRUFFLE_DATABASE_URL: engines.databaseUrl,
    TRUFFLE_NATS_URL: engines.natsUrl,
    TRUFFLE_TEMPORAL_ADDRESS: engines.temporalAddress,
    TRUFFLE_TEMPORAL_NAMESPACE: engines.temporalNamespace,
    TRUFFLE_LOG_LEVEL: process.env['TRUFFLE_LOG_LEVEL'] ?? 'error',
    TRUFFLE_AGENT_LISTEN: `127.0.0.1:${port}`,
    TRUFFLE_AGENT_CA_DIR: caDir,
    TRUFFLE_PEERS: `tenant=http://127.0.0.1:${tenantPort}`,
    ...installation.env,
  };
  const healthy = (at: number) => async () => (await fetch(`http://127.0.0.1:${at}/readyz`)).ok;
  // A gateway admits nobody before it was told where agents may dial from.
  const tenant = await serve(
    [join(import.meta.dirname, '../services/tenant/src/main.ts')],
    { ...env, TRUFFLE_LISTEN: `127.0.0.1:${tenantPort}`, TRUFFLE_PEERS: '' },
    healthy(tenantPort),
  );
  const gateway = join(import.meta.dirname, '../services/agent-gateway/src/main.ts');
  const bareServer = join(import.meta.dirname, 'agents.bare.ts');
  return {
    admin,
    databasePid: children.find((child) => child.name === 'postgres')?.pid ?? 0,
    startGateway: () => serve([gateway], env, healthy(apiPort)),
    startBare: () => serve([bareServer, String(barePort), keys], env),
    casts: (bare, shares) =>
      Array.from({ length: shares }, (_, share) => ({
        endpoint: `127.0.0.1:${bare ? barePort : port}`,
        bare,
        authority: authority.pem,
        key,
        serverName,
        certificates: agents.filter((_agent, at) => at % shares === share).map((agent) => agent.certificate),
      })),
    close: async () => {
      await tenant.kill();
      await admin.end();
      await engines.stop();
    },
  };
}

interface Enrolled {
  readonly orgId: string;
  readonly id: string;
  readonly serial: string;
  readonly certificate: string;
}

/** One key for all, which costs a handshake as much as one each; a certificate for each. */
async function issue(
  authority: Authority,
  count: number,
): Promise<{ readonly key: string; readonly agents: readonly Enrolled[] }> {
  const { csr, key } = await makeRequest();
  const agents: Enrolled[] = [];
  let orgId = '';
  for (let at = 0; at < count; at++) {
    if (at % perOrg === 0) orgId = newId('org');
    const id = newId('agt');
    const { der, serial } = await authority.issueAgent(csr, { orgId, agentId: id }, 86_400_000);
    const certificate = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
    agents.push({ orgId, id, serial, certificate });
  }
  return { key, agents };
}

async function insert(admin: pg.Pool, agents: readonly Enrolled[]): Promise<void> {
  const column = (pick: (agent: Enrolled) => string): string[] => agents.map(pick);
  await admin.query(
    `insert into agent_gateway.agent (org_id, id, name, state, version, region, sealing_public_key, identity_public_key, certificate_serial)
     select org, id, id, 'ENROLLED', '0.0.0', 'bench', $4, $4, serial from unnest($1::text[], $2::text[], $3::text[]) as t(org, id, serial)`,
    [column((a) => a.orgId), column((a) => a.id), column((a) => a.serial), randomBytes(32)],
  );
  await admin.query(
    `insert into agent_gateway.agent_session (org_id, agent_id) select * from unnest($1::text[], $2::text[])`,
    [column((a) => a.orgId), column((a) => a.id)],
  );
  await admin.query('analyze agent_gateway.agent; analyze agent_gateway.agent_session');
}

/** Starts Node; resolves when `ready` says so, or with the first line that the process writes. */
async function serve(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  ready?: () => Promise<boolean>,
): Promise<Serving> {
  const child: ChildProcess = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<never>((_, failed) =>
    child.once('exit', (code, signal) => failed(new Error(`it ended: ${code ?? signal}`))),
  );
  gone.catch(() => undefined);
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const listening = new Promise((done) => child.stdout?.once('data', done));
  await Promise.race([gone, ready === undefined ? listening : untilTrue(ready)]);
  return {
    pid: child.pid ?? 0,
    kill: async () => {
      process.off('exit', end);
      child.kill('SIGKILL');
      await gone.catch(() => undefined);
    },
  };
}

async function untilTrue(probe: () => Promise<boolean>): Promise<void> {
  while (!(await probe().catch(() => false))) await new Promise((done) => setTimeout(done, 25));
}
