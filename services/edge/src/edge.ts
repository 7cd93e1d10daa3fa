import type http from 'node:http';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { publicServices } from '@truffle/api';
import { readSettings } from '@truffle/config';
import {
  admitCookie,
  clientAddress,
  hostSettings,
  InvalidProblem,
  listenOrigin,
  protect,
  registerHealth,
  registerReflection,
  restHandler,
  servePages,
  serveReleases,
  sessionOptions,
  tlsOf,
  type Host,
  type InternalTls,
  type RestRequest,
  type RestResponse,
  type ServiceName,
} from '@truffle/kit';
import { createLogger, startTelemetry } from '@truffle/telemetry';
import { readFileSync } from 'node:fs';
import { forward } from './forward.ts';
import { upstreamNames, upstreamOf } from './routes.ts';
import { Upstream } from './upstream.ts';

const { listen, peers, tlsFolder, trustedProxies, consoleFolder, agentReleaseFolder, logLevel, otlpEndpoint } =
  hostSettings;

/** What the edge is told by its environment. */
export const edgeSettings = {
  listen,
  peers,
  tlsFolder,
  trustedProxies,
  consoleFolder,
  agentReleaseFolder,
  logLevel,
  otlpEndpoint,
} as const;

/**
 * Serves the public origin before the service processes: public methods go to the service that has them, everything else that is not
 * reflection, health or the process's own pages is not there.
 * @throws SettingError when a setting is missing; TypeError when TRUFFLE_PEERS lacks a service
 */
export async function startEdge(env: Record<string, string | undefined>): Promise<Host> {
  const settings = readSettings(edgeSettings, env, (path) => readFileSync(path, 'utf8'));
  const telemetry = startTelemetry('edge', settings.otlpEndpoint);
  const logger = createLogger('edge', settings.logLevel);
  const upstreams = upstreamsOf(settings.peers, tlsOf(settings));
  const ready = async (): Promise<void> =>
    void (await Promise.all([...upstreams.values()].map((upstream) => upstream.ready())));
  const local = connectNodeAdapter({
    routes: (router) => {
      registerHealth(router, ready);
      registerReflection(router, publicServices);
    },
  });
  const localRest = restHandler(publicServices, local);
  const pages = servePages(settings.consoleFolder);
  const { agentReleaseFolder: folder, trustedProxies } = settings;
  const releases = serveReleases({ folder, trustedProxies, now: () => performance.now() });
  const server = await listenOrigin((request, response) => {
    protect(response);
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (path === '/healthz') return answer(response, 200, 'ok\n');
    if (path === '/readyz')
      return void ready().then(
        () => answer(response, 200, 'ready\n'),
        (error: unknown) => answer(response, 503, `not ready: ${String(error)}\n`),
      );
    if (path === '/metrics') return telemetry.metrics(request as http.IncomingMessage, response as http.ServerResponse);
    if (releases(request, response) || pages(request, response)) return;
    admitCookie(request.headers);
    const owner = ownerOf(request.method ?? '', path);
    const upstream = owner === undefined ? undefined : upstreams.get(owner);
    if (upstream === undefined)
      return path.startsWith('/v1/') ? localRest(request, response) : local(request, response);
    const from = clientAddress(
      request.socket.remoteAddress,
      request.headers['x-forwarded-for'],
      settings.trustedProxies,
    );
    void forward(request, response, upstream, from, (cause) => {
      logger.warn({ err: cause, service: owner, path }, 'a service did not answer');
      unavailable(request, response, path);
    });
  }, addressOf(settings.listen));
  logger.info({ port: server.port }, 'serving');
  return {
    port: server.port,
    close: async () => {
      await server.close();
      for (const upstream of upstreams.values()) upstream.close();
      await telemetry.close();
    },
  };
}

/** As `upstreamOf`; what throws there is answered by the local REST handler, which finds the same fault and explains it. */
function ownerOf(verb: string, path: string): ServiceName | undefined {
  try {
    return upstreamOf(verb, path);
  } catch (error) {
    if (error instanceof InvalidProblem) return undefined;
    throw error;
  }
}

function upstreamsOf(peers: readonly string[], tls: InternalTls | undefined): ReadonlyMap<ServiceName, Upstream> {
  const given = new Map(peers.map((peer) => peer.split(/=(.*)/s, 2) as [string, string]));
  return new Map(
    upstreamNames.map((name) => {
      const origin = given.get(name);
      if (origin === undefined)
        throw new TypeError(`TRUFFLE_PEERS does not say where the service ${name} is: ${name}=https://host:port`);
      return [name, new Upstream(origin, sessionOptions(name, origin, tls))];
    }),
  );
}

/** Says in the caller's own protocol that the service behind cannot be reached now. */
function unavailable(request: RestRequest, response: RestResponse, path: string): void {
  const message = 'the service cannot be reached now; try again';
  const type = request.headers['content-type'] ?? '';
  const out = response as http.ServerResponse;
  if (type.startsWith('application/grpc')) {
    for (const [name, value] of Object.entries({ 'content-type': type, 'grpc-status': '14', 'grpc-message': message }))
      out.setHeader(name, value);
    return void out.end();
  }
  const isRest = path.startsWith('/v1/');
  out.writeHead(503, { 'content-type': isRest ? 'application/problem+json' : 'application/json', 'retry-after': '1' });
  const problem = {
    type: 'urn:truffle:problem:unavailable',
    title: 'Unavailable',
    status: 503,
    detail: message,
    code: 'unavailable',
    reason: 'UNAVAILABLE',
    errors: [],
  };
  out.end(JSON.stringify(isRest ? problem : { code: 'unavailable', message }));
}

function addressOf(listenAt: string): { readonly host: string; readonly port: number } {
  const colon = listenAt.lastIndexOf(':');
  return { host: listenAt.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listenAt.slice(colon + 1)) };
}

function answer(response: RestResponse, status: number, body: string): void {
  (response as http.ServerResponse).writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  (response as http.ServerResponse).end(body);
}
