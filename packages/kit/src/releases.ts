import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type http from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { clientAddress, networkOf, type AddressRanges } from './address.ts';
import { Buckets } from './bucket.ts';
import type { RestRequest, RestResponse } from './rest.exchange.ts';

/** Answers a request for the agent's install script or for what it fetches; false when it is for something else. */
export type Releases = (request: RestRequest, response: RestResponse) => boolean;

export interface ReleasesInput {
  /** Folder that `agent/release.ts` fills, now or later; empty to serve none. */
  readonly folder: string;
  readonly trustedProxies: AddressRanges;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** How long (ms) a download may stand still; a minute unless told. */
  readonly stallMs?: number;
}

/** From one network: a site's agents may all come from one address. */
const budget = { calls: 240, seconds: 60 };
/** Programs that are under way at once; each takes a file and 64 KiB. */
const mostDownloads = 64;
const aMinute = 60_000;
const year = 31_536_000;

const script = { type: 'text/x-shellscript; charset=utf-8', cache: 'no-cache' };
const manifest = { type: 'text/plain; charset=utf-8', cache: 'no-cache' };
const signature = { type: 'application/octet-stream', cache: 'no-cache' };
/** A version's program never becomes another one. */
const program = { type: 'application/gzip', cache: `public, max-age=${year}, immutable` };

/** What there is, by its path: nothing else of the folder can be asked for. */
const served: readonly (readonly [RegExp, typeof script])[] = [
  [/^\/(install\.sh)$/, script],
  [/^\/agent\/(manifest)$/, manifest],
  [/^\/agent\/(manifest\.sig)$/, signature],
  [/^\/agent\/(\d[0-9A-Za-z.-]{0,63}\/manifest)$/, manifest],
  [/^\/agent\/(\d[0-9A-Za-z.-]{0,63}\/manifest\.sig)$/, signature],
  [/^\/agent\/(\d[0-9A-Za-z.-]{0,63}\/(?:linux|win|darwin)-(?:x64|arm64)\.gz)$/, program],
];

/** Serves the agent's releases to anybody: they hold no secrets, and who installs has no credential yet. */
export function serveReleases({ folder, trustedProxies, now, stallMs = aMinute }: ReleasesInput): Releases {
  const buckets = new Buckets(now, 10_000);
  const open = { downloads: 0 };
  return (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const found = served
      .map(([form, kind]) => ({ file: form.exec(path)?.[1], kind }))
      .find(({ file }) => file !== undefined);
    if (folder === '' || found?.file === undefined) return false;
    const out = response as http.ServerResponse;
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(out, 405, 'only to be read', { allow: 'GET, HEAD' });
    const address = clientAddress(request.socket.remoteAddress, request.headers['x-forwarded-for'], trustedProxies);
    const from = networkOf(address);
    const level = buckets.level(from, budget);
    if (level.left === 0)
      return refuse(out, 429, 'too many requests; try again', {
        'retry-after': String(Math.ceil(level.oneInMs / 1000)),
      });
    buckets.spend(from, budget);
    const isProgram = found.kind === program;
    if (isProgram && open.downloads >= mostDownloads)
      return refuse(out, 503, 'too many downloads at once; try again', { 'retry-after': '5' });
    if (isProgram) open.downloads++;
    void send(request, out, join(folder, found.file), found.kind, stallMs)
      .catch(() => out.destroy())
      .finally(() => (isProgram ? open.downloads-- : undefined));
    return true;
  };
}

async function send(
  request: RestRequest,
  response: http.ServerResponse,
  path: string,
  { type, cache }: typeof script,
  stallMs: number,
): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || !stats.isFile())
    return void refuse(response, 404, 'there is no such release here; it may still be in the making', {});
  const tag = `"${stats.size.toString(16)}-${Math.floor(stats.mtimeMs).toString(16)}"`;
  response.setHeader('cache-control', cache);
  response.setHeader('etag', tag);
  response.setHeader('accept-ranges', 'bytes');
  if (request.headers['if-none-match'] === tag) return void response.writeHead(304).end();
  response.setHeader('content-type', type);
  const range = rangeOf(request.headers['range'], request.headers['if-range'], tag, stats.size);
  if (range === 'none') {
    response.setHeader('content-range', `bytes */${stats.size}`);
    return void refuse(response, 416, 'there is nothing at that range', {});
  }
  const { start, end } = range ?? { start: 0, end: stats.size - 1 };
  if (range !== undefined) response.setHeader('content-range', `bytes ${start}-${end}/${stats.size}`);
  response.setHeader('content-length', String(end - start + 1));
  response.writeHead(range === undefined ? 200 : 206);
  if (request.method === 'HEAD' || stats.size === 0) return void response.end();
  const file = createReadStream(path, { start, end });
  const stall = setTimeout(() => file.destroy(new Error('the reader stands still')), stallMs);
  file.on('data', () => stall.refresh());
  await pipeline(file, response).finally(() => clearTimeout(stall));
}

/** The one range that is asked for; undefined for the whole, also where what was begun is no longer what is there. */
function rangeOf(
  given: string | undefined,
  ifRange: string | string[] | undefined,
  tag: string,
  size: number,
): { readonly start: number; readonly end: number } | 'none' | undefined {
  if (given === undefined || (ifRange !== undefined && ifRange !== tag)) return undefined;
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(given) ?? [];
  if (from === '' && to === '') return undefined;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start > end ? 'none' : { start, end };
}

function refuse(
  response: http.ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
): true {
  response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${text}\n`);
  return true;
}
