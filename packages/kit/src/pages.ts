import type http from 'node:http';
import { existsSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import sirv from 'sirv';
import type { RestRequest, RestResponse } from './rest.exchange.ts';

/** What the console's pages may do: only what is this origin's own, no script but its files, shown in nobody's frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  // The component kit and the graph place things by style elements and attributes of their own.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "object-src 'none'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const headers = {
  'content-security-policy': policy,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
} as const;

const textTypes: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.css': 'text/css' };

/** Answers a request for a page or a file of the console; false when it is for something else. */
export type Pages = (request: RestRequest, response: RestResponse) => boolean;

/**
 * Serves the built console: its files for a year, as their names change with their content, and its one page under every other path, so
 * that each state of the console has an address. What is built anew while it serves is served from then on.
 * @param folder with `index.html`; empty for no console
 * @throws TypeError when there is no console in `folder`
 */
export function servePages(folder: string): Pages {
  if (folder === '') return () => false;
  if (!existsSync(join(folder, 'index.html')))
    throw new TypeError(
      `TRUFFLE_CONSOLE_DIR: there is no built console in ${folder}; build it with "npm run build -w console"`,
    );
  let state = stateOf(folder);
  let serve = readFiles(folder);
  return (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || isCall.test(path)) return false;
    const now = stateOf(folder);
    if (now !== state) [state, serve] = [now, readFiles(folder)];
    const notFound = (): void => {
      (response as http.ServerResponse).writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
      (response as http.ServerResponse).end('not found\n');
    };
    if (serve === undefined) notFound();
    else serve(request as http.IncomingMessage, response as http.ServerResponse, notFound);
    return true;
  };
}

/** `/v1/…`, `/package.Service/Method` and this process's own addresses. */
const isCall = /^\/(?:v1\/|(?:[a-z]\w*\.)+\w+\/|healthz$|readyz$|metrics$)/;

/** Another one whenever a build wrote the page or a file: which files there are is read once for each. */
const stateOf = (folder: string): string =>
  ['', 'index.html', 'assets']
    .map((name) => statSync(join(folder, name), { throwIfNoEntry: false }))
    .map((found) => `${found?.ino} ${found?.mtimeMs}`)
    .join();

const filesOf = (folder: string) =>
  sirv(folder, {
    single: true,
    brotli: true,
    gzip: true,
    setHeaders: (response, path) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      const type = textTypes[extname(path)];
      if (type !== undefined) response.setHeader('content-type', `${type}; charset=utf-8`);
      response.setHeader(
        'cache-control',
        path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
    },
  });

/** Undefined while a build is at work there: the folder was emptied, or what was in it went while it was read. */
function readFiles(folder: string): ReturnType<typeof filesOf> | undefined {
  try {
    return existsSync(join(folder, 'index.html')) ? filesOf(folder) : undefined;
  } catch {
    return undefined;
  }
}
