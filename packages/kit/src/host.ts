import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  createContextValues,
  createRouterTransport,
  type ConnectRouter,
  type Interceptor,
  type MethodImpl,
  type Transport,
} from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Audience } from '@truffle/api/options/v1/method';
import { readSettings, type Settings } from '@truffle/config';
import { Database, type ServiceRole } from '@truffle/database';
import { createLogger, startTelemetry, type Logger } from '@truffle/telemetry';
import { clientAddress } from './address.ts';
import { startAdmission } from './admission.host.ts';
import type { Admission } from './admission.ts';
import { AuditLog } from './audit.ts';
import { Authorizer } from './authorize.ts';
import { bells, connectBell, type Bell } from './bell.ts';
import { boundsOf } from './bounds.ts';
import { cookieSessions } from './browser-session.ts';
import { checkContract, rulesOf } from './contract.ts';
import { addressKey, gate } from './gate.ts';
import { registerHealth } from './health.ts';
import { loadServiceKeys } from './host.keys.ts';
import { hostSettings } from './host.settings.ts';
import { Identifier } from './identify.ts';
import { EarlyRefusals } from './limit.early.ts';
import { startLimits, type HostLimits } from './limit.host.ts';
import type { ServiceModule } from './module.ts';
import { originHandler } from './origin.ts';
import { PageTokens } from './page-token.ts';
import { servePages } from './pages.ts';
import { serveReleases, type Releases } from './releases.ts';
import { remotePeers } from './peer-connection.ts';
import { Peers } from './peers.ts';
import { insideOf, tlsOf } from './host.tls.ts';
import { registerReflection } from './reflection.ts';
import { restHandler } from './rest.ts';
import { listenOrigin } from './server.ts';
import type { ServiceName } from './service-context.ts';

/** What a service is made from. */
export interface ModuleDeps {
  readonly settings: Settings<typeof hostSettings>;
  /** The environment, for settings of the service's own. */
  readonly env: Record<string, string | undefined>;
  readonly peers: Peers;
  readonly bell: Bell;
  readonly logger: Logger;
  /** A connection pool for one role; closed by the module that asked for it. */
  database<T>(role: ServiceRole, connections?: number): Database<T>;
}

export type MakeModule = (deps: ModuleDeps) => Promise<ServiceModule>;

export interface Host {
  readonly port: number;
  /** Stops taking calls, lets running ones end, closes the modules and every connection. */
  close(): Promise<void>;
}

export const readHostFile = (path: string): string => readFileSync(path, 'utf8');

/** Serves `makers` on one port: five in one process, or one. */
export async function startHost(
  name: string,
  makers: Readonly<Partial<Record<ServiceName, MakeModule>>>,
  env: Record<string, string | undefined>,
): Promise<Host> {
  const settings = readSettings(hostSettings, env, readHostFile);
  const telemetry = startTelemetry(name, settings.otlpEndpoint);
  const logger = createLogger(name, settings.logLevel);
  const bell = await connectBell(settings.natsUrl, name, logger);
  const limits = startLimits(bell, logger, settings.ratePercent / 100);
  const door = startAdmission();
  const early = new EarlyRefusals(() => performance.now());
  const hosted = await mountServices({ settings, env, bell, logger, limits, early, admission: door.admission }, makers);
  const modules = hosted.map((h) => h.module);
  // Alone in its process, a service also serves the others; together, only the public origin is listened on.
  const audience = modules.length > 1 ? [Audience.PUBLIC] : [Audience.PUBLIC, Audience.INTERNAL];
  const ready = async () => void (await Promise.all(modules.map((m) => m.ready())));
  const served = modules.flatMap((m) => m.services).filter((s) => serves(s, audience));
  early.serve(served);
  const connectHandler = connectNodeAdapter({
    // A field that is not known is a field that is spelt wrongly: it is said, not passed over.
    jsonOptions: { ignoreUnknownFields: false },
    readMaxBytes,
    requireConnectProtocolHeader: false,
    contextValues: (request) =>
      createContextValues().set(
        addressKey,
        clientAddress(request.socket.remoteAddress, request.headers['x-forwarded-for'], settings.trustedProxies),
      ),
    routes: (router) => {
      for (const { module, interceptor } of hosted) module.register(gated(only(router, audience), interceptor));
      registerHealth(router, ready);
      registerReflection(
        router,
        served.filter((s) => serves(s, [Audience.PUBLIC])),
      );
    },
  });
  const parts = {
    ready,
    metrics: telemetry.metrics,
    pages: servePages(settings.consoleFolder),
    releases: releasesOf(settings),
    early,
    rest: restHandler(served, connectHandler),
    connect: connectHandler,
  };
  const inside = insideOf(settings);
  const server = await listenOrigin(originHandler(parts), { ...address(settings.listen), inside });
  for (const module of modules) await module.start();
  logger.info({ port: server.port, services: modules.map((m) => m.name) }, 'serving');
  return {
    port: server.port,
    close: async () => {
      await server.close();
      await Promise.all(hosted.map((h) => h.audit.close()));
      for (const module of modules.toReversed()) await module.close();
      limits.close();
      door.close();
      await bell.close();
      await telemetry.close();
    },
  };
}

const releasesOf = ({ agentReleaseFolder, trustedProxies }: Settings<typeof hostSettings>): Releases =>
  serveReleases({ folder: agentReleaseFolder, trustedProxies, now: () => performance.now() });

interface Hosted {
  readonly module: ServiceModule;
  readonly interceptor: Interceptor;
  readonly audit: AuditLog;
}

interface Ground {
  readonly settings: Settings<typeof hostSettings>;
  readonly env: Record<string, string | undefined>;
  readonly bell: Bell;
  readonly logger: Logger;
  readonly limits: HostLimits;
  readonly early: EarlyRefusals;
  readonly admission: Admission;
}

/** Makes each service with its gate, and lets those of this process reach each other in memory. */
async function mountServices(
  { settings, env, bell, logger, limits, early, admission }: Ground,
  makers: Readonly<Partial<Record<ServiceName, MakeModule>>>,
): Promise<readonly Hosted[]> {
  const transports = new Map<ServiceName, Transport>(remotePeers(settings.peers, 4 * readMaxBytes, tlsOf(settings)));
  const hosted: Hosted[] = [];
  for (const [service, make] of Object.entries(makers) as [ServiceName, MakeModule][]) {
    const keys = loadServiceKeys(settings.serviceKeys, service);
    const peers = new Peers(keys, (target) => transportTo(transports, target));
    limits.askThrough(peers);
    const log = logger.child({ service });
    const module = await make({
      settings,
      env,
      peers,
      bell,
      logger: log,
      database: (role, connections) => openDatabase(settings, bell, role, connections),
    });
    checkContract(module.services);
    const identifier = new Identifier(peers, keys);
    bell.listen(bells.identity, () => identifier.forget());
    const authorizer = new Authorizer(peers, module.scopes);
    const audit = new AuditLog({ database: module.ledger, logger: log, random: Math.random, now: Date.now });
    const interceptor = gate({
      service,
      identifier,
      authorizer,
      limits: limits.limits,
      admission,
      early,
      peers,
      pageTokens: new PageTokens(keys.secretFor('page tokens')),
      logger: log,
      idempotency: module.idempotency,
      audit,
    });
    hosted.push({ module, interceptor, audit });
    transports.set(
      service,
      createRouterTransport((router) => module.register(gated(router, interceptor)), { router: { readMaxBytes } }),
    );
  }
  return hosted;
}

/** `main.ts` of a process: serves until SIGTERM or SIGINT, and tells how to mend what is missing. */
export async function runHost(name: string, makers: Readonly<Partial<Record<ServiceName, MakeModule>>>): Promise<void> {
  try {
    const host = await startHost(name, makers, process.env);
    const stop = () => void host.close().then(() => process.exit(0));
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  } catch (error) {
    createLogger(name).fatal({ err: error }, 'could not start');
    process.exitCode = 1;
  }
}

const readMaxBytes = 1024 * 1024;

const serves = (service: DescService, audience: readonly Audience[]): boolean =>
  service.methods.some((m) => audience.includes(rulesOf(m).audience));

/** Both faces below answer with themselves: a service registered on what the router itself answers would pass them by. */
function only(router: ConnectRouter, audience: readonly Audience[]): ConnectRouter {
  const face: ConnectRouter = {
    ...router,
    get handlers() {
      return router.handlers;
    },
    service: (service, implementation, options) => {
      if (serves(service, audience)) router.service(service, implementation, options);
      return face;
    },
    rpc: (method, implementation, options) => {
      if (serves(method.parent, audience)) router.rpc(method, implementation, options);
      return face;
    },
  };
  return face;
}

const unimplemented = (method: DescMethod) => (): never => {
  throw new ConnectError(`${method.parent.typeName}/${method.name} is not served here`, Code.Unimplemented);
};

function gated(router: ConnectRouter, interceptor: Interceptor): ConnectRouter {
  const face: ConnectRouter = {
    ...router,
    get handlers() {
      return router.handlers;
    },
    service: (service, implementation, options) => {
      // Method by method: each is bounded by its class.
      for (const method of service.methods) {
        const own = implementation[method.localName as keyof typeof implementation] ?? unimplemented(method);
        router.rpc(method, own as MethodImpl<typeof method>, {
          ...options,
          readMaxBytes: boundsOf(rulesOf(method).rate).bytes,
          interceptors: [cookieSessions(), interceptor],
        });
      }
      return face;
    },
  };
  return face;
}

function transportTo(transports: ReadonlyMap<ServiceName, Transport>, target: ServiceName): Transport {
  const transport = transports.get(target);
  if (transport === undefined)
    throw new TypeError(`the service ${target} is neither in this process nor in TRUFFLE_PEERS`);
  return transport;
}

function openDatabase<T>(
  settings: Settings<typeof hostSettings>,
  bell: Bell,
  role: ServiceRole,
  connections?: number,
): Database<T> {
  return new Database<T>({
    url: settings.databaseUrl,
    role,
    password: readHostFile(join(settings.databasePasswords, role)).trim(),
    contextKey: { kid: `${role}-1`, secret: Buffer.from(readHostFile(join(settings.contextKeys, role)).trim(), 'hex') },
    onEvents: () => bell.ring(bells.events),
    ...(connections === undefined ? {} : { connections }),
  });
}

function address(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}
