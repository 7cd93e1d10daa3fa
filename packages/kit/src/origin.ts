import type { connectNodeAdapter } from '@connectrpc/connect-node';
import type { Telemetry } from '@truffle/telemetry';
import { admitCookie } from './browser-session.ts';
import { protect } from './origin.headers.ts';
import type { EarlyRefusals } from './limit.early.ts';
import type { Pages } from './pages.ts';
import type { Releases } from './releases.ts';
import type { restHandler } from './rest.ts';
import type { listenOrigin } from './server.ts';

/** What a process serves on its one port. */
export interface OriginParts {
  readonly ready: () => Promise<void>;
  readonly metrics: Telemetry['metrics'];
  readonly pages: Pages;
  readonly releases: Releases;
  readonly early: EarlyRefusals;
  readonly rest: ReturnType<typeof restHandler>;
  readonly connect: ReturnType<typeof connectNodeAdapter>;
}

/** Everything that is served on the one port, by its path. */
export function originHandler({
  ready,
  metrics,
  pages,
  releases,
  early,
  rest,
  connect,
}: OriginParts): Parameters<typeof listenOrigin>[0] {
  return (request, response) => {
    protect(response);
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (path === '/healthz') return answer(response, 200, 'ok\n');
    if (path === '/readyz')
      return void ready().then(
        () => answer(response, 200, 'ready\n'),
        (error: unknown) => answer(response, 503, `not ready: ${reasonOf(error)}\n`),
      );
    if (path === '/metrics') return metrics(request as never, response as never);
    if (releases(request, response) || pages(request, response)) return;
    admitCookie(request.headers);
    if (early.answer(request, response)) return;
    if (path.startsWith('/v1/')) return rest(request, response);
    return connect(request, response);
  };
}

function answer(
  response: { writeHead(status: number, headers: Record<string, string>): unknown; end(body: string): unknown },
  status: number,
  body: string,
): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(body);
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
