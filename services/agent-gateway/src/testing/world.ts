import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { ConnectError, type Interceptor } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { EnrollmentService } from '@truffle/api/agent/v1/agent_service';
import { CommandKeySetSchema } from '@truffle/api/agent/v1/command';
import { RecoveryService } from '@truffle/api/agent/v1/recovery_service';
import { newId } from '@truffle/ids';
import { connectBell, Problem, type Bell, type Caller } from '@truffle/kit';
import { createLogger } from '@truffle/telemetry';
import type { Database, ServiceRole } from '@truffle/database';
import { enrollmentRpc } from '../agent/agent.rpc.ts';
import type { AgentParts } from '../agent/agent.usecases.ts';
import type { EnrollmentParts } from '../agent/enrollment.usecases.ts';
import { certificateRenewal } from '../agent/certificate.rpc.ts';
import { recoveryRpc } from '../agent/recovery.rpc.ts';
import { Authorities } from '../authority/authorities.ts';
import { EndedCommands } from '../command/ended-commands.ts';
import { Gateway, type GatewayParts } from '../gateway/gateway.ts';
import { metricReports } from '../metric/metric.rpc.ts';
import { MetricIntake } from '../metric/metric.usecases.ts';
import { updateChecks } from '../rollout/rollout.rpc.ts';
import { sealingKeySync } from '../sealing-key/sealing-key.rpc.ts';
import type { HealthNote } from '../session/kept.ts';
import { serveLinks, type LinkServer } from '../session/link.server.ts';
import type { Dialler } from '../address-rule/address-rule.door.ts';
import type { LetIn } from '../address-rule/address-rule.ts';
import type { Tables } from '../tables.ts';

/** A migrated database, closed with the world. */
export interface WorldDatabase {
  open<T>(role: ServiceRole): Database<T>;
  close(): Promise<void>;
}

/** One gateway with a port of its own. */
export interface Running {
  readonly gateway: Gateway;
  readonly parts: AgentParts;
  readonly endpoint: string;
  /** As SIGTERM would. */
  close(): Promise<void>;
  /** As a crash would: connections break, and nothing is stored or said. */
  crash(): void;
}

/** What a gateway has of its own. */
export interface GatewayOverrides {
  readonly bell?: Bell;
  /** With another certificate lifetime, or with the authorities as they are after a step of their rotation. */
  readonly enrollment?: EnrollmentParts;
  /** Whether an agent is let in from where it dials; every one is unless told. */
  readonly letsIn?: (dialler: Dialler) => LetIn;
}

/** A database, an authority, an enrolment origin and as many gateways as asked for. */
export interface World {
  readonly bell: Bell;
  readonly orgId: string;
  readonly caller: Caller;
  readonly enrollment: EnrollmentParts;
  readonly origin: string;
  /** The folder of the authorities. */
  readonly authorityFolder: string;
  /** What orchestration was told of servers' health; it does not answer while this is undefined. */
  health: HealthNote[] | undefined;
  startGateway(over?: GatewayOverrides): Promise<Running>;
  close(): Promise<void>;
}

/** Passed on to agents as they are: nothing here looks into them. */
const testKeys = create(CommandKeySetSchema, {
  version: 7n,
  keys: [{ keyId: 'k', publicKey: new Uint8Array(32) }],
  signatures: [new Uint8Array(64)],
});

export async function makeWorld(
  database: WorldDatabase,
  natsUrl: string,
  { host = '127.0.0.1', ...over }: Partial<Pick<EnrollmentParts, 'certificateMs'>> & { readonly host?: string } = {},
): Promise<World> {
  const logger = createLogger('test', 'error');
  const bell = await connectBell(natsUrl, 'test', logger);
  const folder = mkdtempSync(join(tmpdir(), 'truffle-gateway-'));
  const authorities = await Authorities.open(join(folder, 'ca'));
  const orgId = newId('org');
  const running: { current: Running[] } = { current: [] };
  const endpoints = () => running.current.map((r) => r.endpoint);
  const enrollment: EnrollmentParts = {
    database: database.open<Tables>('svc_agent_gateway'),
    sweepDatabase: database.open<Tables>('svc_agent_sweep'),
    authorities,
    certificateMs: 3_600_000,
    recoveriesPerMonth: 1,
    region: 'test',
    commandKeys: () => Promise.resolve(testKeys),
    demandAddress: () => Promise.resolve(),
    revoked: (agentId) => running.current[0]?.gateway.revoked(agentId),
    quarantined: ({ agentId }) => running.current[0]?.gateway.revoked(agentId),
    ...over,
  };
  const origin = await serveOrigin(enrollment, endpoints);
  const noteHealth: GatewayParts['noteHealth'] = (_orgId, note) => {
    if (world.health === undefined) return Promise.reject(new Error('orchestration is away'));
    world.health.push(note);
    return Promise.resolve();
  };
  const world: World = {
    bell,
    orgId,
    health: [],
    authorityFolder: join(folder, 'ca'),
    caller: {
      subject: 'user:usr_test',
      bindings: [],
      orgId,
      quotaHolder: '',
      requestId: 'req_test',
      traceparent: '',
      address: '',
    },
    enrollment,
    origin: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
    startGateway: async (own = {}) => {
      const told = { endpoints, noteHealth, host };
      const one = await startGateway(database, { bell, enrollment, letsIn: () => 'yes', ...own }, told, () => {
        running.current = running.current.filter((r) => r !== one);
      });
      running.current.push(one);
      return one;
    },
    close: async () => {
      await Promise.all(running.current.map((r) => r.close()));
      origin.closeAllConnections();
      origin.close();
      await bell.close();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return world;
}

async function startGateway(
  database: WorldDatabase,
  { bell, enrollment, letsIn }: Required<GatewayOverrides>,
  { endpoints, noteHealth, host }: Pick<GatewayParts, 'endpoints' | 'noteHealth'> & { readonly host: string },
  gone: () => void,
): Promise<Running> {
  const logger = createLogger('test', 'warn');
  const tenants = database.open<Tables>('svc_agent_gateway');
  const sweeps = database.open<Tables>('svc_agent_sweep');
  const ended = new EndedCommands(bell);
  const gateway = new Gateway({
    database: tenants,
    sweepDatabase: sweeps,
    bell,
    logger,
    endpoints,
    commandKeys: () => testKeys,
    letsIn,
    noteHealth,
    ended: (ids) => ended.tell(ids),
  });
  await gateway.start();
  const identity = await enrollment.authorities.issueServer([host]);
  const server: LinkServer = await serveLinks({
    host,
    port: 0,
    authority: enrollment.authorities.pem,
    ...identity,
    demandAddress: enrollment.demandAddress,
    take: (call, agent, settled) => gateway.take(call, agent, settled),
    renew: certificateRenewal(enrollment, logger),
    syncSealingKey: sealingKeySync({ database: tenants, quarantined: enrollment.quarantined }),
    reportMetrics: metricReports(new MetricIntake(tenants)),
    checkUpdate: updateChecks(tenants),
  });
  return {
    gateway,
    parts: { database: tenants, gateway, bell, ended },
    endpoint: `${host}:${server.port}`,
    close: async () => {
      gone();
      await gateway.close();
      server.close();
    },
    crash: () => {
      gone();
      gateway.abandon();
      server.close();
    },
  };
}

async function serveOrigin(enrollment: EnrollmentParts, endpoints: () => readonly string[]): Promise<Server> {
  const handler = connectNodeAdapter({
    interceptors: [telling],
    routes: (router) => {
      router.service(EnrollmentService, enrollmentRpc(enrollment, endpoints));
      router.service(RecoveryService, recoveryRpc(enrollment, endpoints));
    },
  });
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Problems become their status, as the kit's gate makes them; the rest stays an internal error. */
const telling: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    throw error instanceof Problem ? new ConnectError(error.message, error.code) : error;
  }
};
