import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Server, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { accessRoutes, BadPassword } from '../access/access.routes.ts';
import { requirePermission } from '../access/permission.ts';
import type { Call, Handler, Routes, UploadedFile } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { clusterRoutes } from '../cluster/cluster.routes.ts';
import { ApiError, AuthError, ParameterError, PermissionError, RunError } from '../errors.ts';
import { firewallRoutes } from '../firewall/firewall.routes.ts';
import { haRoutes } from '../ha/ha.routes.ts';
import { nodeRoutes } from '../node/node.routes.ts';
import { poolRoutes } from '../pool/pool.routes.ts';
import { type Method, findMethod } from '../schema/table.ts';
import { type Incoming, verify } from '../schema/verify.ts';
import { sdnRoutes } from '../sdn/sdn.routes.ts';
import { storageRoutes } from '../storage/storage.routes.ts';
import { taskRoutes } from '../task/task.routes.ts';
import { vmRoutes } from '../vm/vm.routes.ts';
import { type Caller, authenticate } from './auth.ts';
import { type Fields, parseForm, parseJson, parseMultipart } from './body.ts';
import { type Format, JSON_TYPE, send, sendData, sendError } from './reply.ts';

const ROUTES: Routes = {
  ...accessRoutes,
  ...clusterRoutes,
  ...firewallRoutes,
  ...haRoutes,
  ...nodeRoutes,
  ...poolRoutes,
  ...sdnRoutes,
  ...storageRoutes,
  ...taskRoutes,
  ...vmRoutes,
};
const ROOT_INDEX = ['version', 'cluster', 'nodes', 'storage', 'access', 'pools'].map((subdir) => ({ subdir }));
const KNOWN_VERBS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'];
const BODY_LIMIT = 64 * 1024;
const UPLOAD_LIMIT = 2 * 1024 ** 3;

/** One request, taken apart. */
interface Request {
  verb: string;
  /** After the format, without a slash at the end: `/nodes/pve1/qemu`. */
  path: string;
  format: Format;
  query: Fields;
}

/** Serves the API over TLS. */
export function serve(cluster: Cluster, tls: { key: string; cert: string }): Server {
  const server = createServer({ key: tls.key, cert: tls.cert, keepAliveTimeout: 65_000 }, (request, response) => {
    void handle(cluster, request, response);
  });
  return server;
}

/** Starts listening on loopback; answers the port. */
export async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function handle(cluster: Cluster, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = parse(message, response);
  if (request === undefined) return;
  const subject = { method: request.verb, path: request.path, ...idsOf(request.path) };
  try {
    const latency = cluster.faults.take('latency', subject);
    if (latency !== undefined) await cluster.clock.sleep(latency.ms);
    const refused = cluster.faults.take('error', subject);
    if (refused?.bare === true) return send(response, refused.status, refused.reason, '{"data":null}', JSON_TYPE);
    if (refused !== undefined) throw new ApiError(refused.status, refused.reason);
    const { data, total, close } = await answer(cluster, message, request);
    if (cluster.faults.take('drop-reply', subject) !== undefined) {
      message.socket.destroy();
      return;
    }
    sendData(response, request.format, data, total, close);
  } catch (error) {
    const known = error instanceof ApiError ? error : new RunError(`internal error of the simulator: ${String(error)}`);
    if (known instanceof AuthError || known instanceof BadPassword)
      await cluster.clock.sleep(cluster.timing.authDelayMs);
    sendError(response, request.format, known);
  }
}

function idsOf(path: string): { node?: string; vmid?: number; storage?: string } {
  const [, node, vmid] = /^\/nodes\/([^/]+)(?:\/qemu\/(\d+))?/.exec(path) ?? [];
  const storage = /\/storage\/([^/]+)/.exec(path)?.[1];
  return {
    ...(node === undefined ? {} : { node }),
    ...(vmid === undefined ? {} : { vmid: Number(vmid) }),
    ...(storage === undefined ? {} : { storage }),
  };
}

/** Takes the request apart; answers itself what never reaches a method. */
function parse(message: IncomingMessage, response: ServerResponse): Request | undefined {
  const verb = message.method ?? 'GET';
  const [rawPath = '', rawQuery = ''] = (message.url ?? '/').split(/\?(.*)/s);
  const refuse = (status: number, reason: string, body = ''): undefined => {
    message.resume();
    send(response, status, reason, body);
    return undefined;
  };
  if (!KNOWN_VERBS.includes(verb)) return refuse(501, `method '${verb}' not available`);
  if (message.headers['transfer-encoding'] !== undefined) return refuse(501, 'chunked transfer encoding not supported');
  if ((verb === 'GET' || verb === 'DELETE') && Number(message.headers['content-length'] ?? 0) > 0)
    return refuse(501, `Unexpected content for method '${verb}'`);
  const match = /^\/api2\/([a-z0-9]+)(\/.*)?$/.exec(rawPath);
  if (match === null) {
    const missing =
      rawPath === '/' ? 'file error - /usr/share/pve-manager/index.html.tpl: not found' : `no such file '${rawPath}'`;
    return refuse(rawPath === '/' ? 500 : 404, missing, `${missing}\n`);
  }
  const [, format = '', rest = ''] = match;
  const path = rest.replaceAll(/\/+/g, '/').replace(/\/$/, '');
  if (format !== 'json' && format !== 'extjs')
    return refuse(501, `no formatter for uri ${path}, ${format}`, `no formatter for uri ${path}, ${format}`);
  return { verb: verb === 'HEAD' ? 'GET' : verb, path, format, query: parseForm(rawQuery) };
}

interface Answer {
  data: unknown;
  total: number | undefined;
  /** Whether the connection ends: so after an upload. */
  close: boolean;
}

async function answer(cluster: Cluster, message: IncomingMessage, request: Request): Promise<Answer> {
  const type = message.headers['content-type'] ?? '';
  const upload = type.startsWith('multipart/form-data');
  const open = (request.path === '/access/ticket' && request.verb === 'POST') || request.path === '/access/domains';
  const caller: Caller = open ? { user: '', token: false } : authenticate(cluster, message, { upload });
  const body = await readBody(message, upload ? UPLOAD_LIMIT : BODY_LIMIT);
  if (request.path === '') return { data: ROOT_INDEX, total: undefined, close: false };
  const found = findMethod(request.verb, request.path.split('/').slice(1).map(decode));
  const handler = found === undefined ? undefined : ROUTES[found.method.name];
  if (found === undefined || handler === undefined)
    throw new ApiError(501, `Method '${request.verb} ${request.path}' not implemented`);
  const { fields, file } = parseBody(body, type);
  const values = merge(found.uri, { ...request.query, ...fields });
  if (caller.token && found.method.noToken === 1)
    throw new PermissionError(`URI '${request.path}' not available with API token, need proper ticket.\n`);
  if (caller.token && request.path === '/access/password')
    throw new PermissionError(`URI '${request.path}' not available with API token, need proper ticket.\n`);
  if (caller.user !== '') requirePermission(cluster.access, found.method, caller.user, values);
  await reachNode(cluster, found.uri['node']);
  return run(cluster, { caller, method: found.method, handler, values, ...(file === undefined ? {} : { file }) });
}

interface Run {
  caller: Caller;
  method: Method;
  handler: Handler;
  values: Record<string, Incoming>;
  file?: UploadedFile;
}

async function run(cluster: Cluster, { caller, method, handler, values, file }: Run): Promise<Answer> {
  const { node } = values;
  const params = verify(method, values);
  const call: Call = {
    cluster,
    user: caller.user,
    params,
    node: typeof node === 'string' ? node : '',
    ...(file === undefined ? {} : { upload: file }),
  };
  const noWorker = /^(POST|PUT|DELETE)/.test(method.name)
    ? cluster.faults.take('no-worker', {
        method: method.verb,
        path: method.path,
        ...(typeof params['vmid'] === 'number' ? { vmid: params['vmid'] } : {}),
      })
    : undefined;
  if (noWorker !== undefined) throw new RunError(noWorker.text ?? 'got no worker upid - start worker failed');
  const data = await handler(call);
  return { data, total: call.total, close: file !== undefined };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function merge(uri: Readonly<Record<string, string>>, given: Fields): Record<string, Incoming> {
  for (const [key, value] of Object.entries(given)) {
    if (uri[key] !== undefined && (typeof value === 'object' || uri[key] !== String(value)))
      throw new ParameterError({ [key]: 'duplicate parameter (already defined in URI) with conflicting values!' });
  }
  return { ...given, ...uri };
}

function parseBody(body: Buffer, type: string): { fields: Fields; file?: UploadedFile } {
  if (body.length === 0) return { fields: {} };
  if (type.startsWith('multipart/form-data')) return parseMultipart(body, type);
  if (type.startsWith('application/json')) return { fields: parseJson(body.toString('utf8')) };
  if (type === '' || type.startsWith('application/x-www-form-urlencoded'))
    return { fields: parseForm(body.toString('utf8')) };
  throw new ApiError(500, `upload '${type}' failed: unsupported content type`);
}

async function readBody(message: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message) {
    length += Buffer.byteLength(chunk);
    if (length > limit) throw new ApiError(501, 'for data too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Requests for another node are passed on to it: 595 when it is down, an error when nobody knows it. */
async function reachNode(cluster: Cluster, name: string | undefined): Promise<void> {
  if (name === undefined || name === 'localhost') return;
  const node = cluster.nodes.get(name);
  if (node === undefined)
    throw new RunError(
      `hostname lookup '${name}' failed - failed to get address info for: ${name}: Temporary failure in name resolution`,
    );
  if (node.online && cluster.faults.peek('node-down', { node: name }) === undefined) return;
  await cluster.clock.sleep(cluster.timing.authDelayMs);
  throw new ApiError(595, 'No route to host');
}
