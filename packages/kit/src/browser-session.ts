import type { IncomingHttpHeaders } from 'node:http';
import type { Message } from '@bufbuild/protobuf';
import type { Interceptor, UnaryRequest, UnaryResponse } from '@connectrpc/connect';

/** A browser asks with this header, `cookie` as its value, to have its session kept where no script reads it. */
export const sessionInHeader = 'truffle-session';

/** Over TLS the name has the prefix that a browser lets nobody but this very host set (RFC 6265bis, 4.1.3.2). */
const names = { secure: '__Host-truffle', plain: 'truffle-session' } as const;
const credential = /^tfs_[\w-]{8,500}$/;
/** As long as the longest session; the session itself ends on the server. */
const maxAgeSeconds = 30 * 24 * 60 * 60;

/**
 * Lets a session cookie stand for a bearer credential, on requests that this origin's own pages make. A request of another site, or one
 * that does not say where it comes from, is as if it had no cookie: it answers `unauthenticated`, and nothing was done.
 * @param headers of the request; changed in place
 */
export function admitCookie(headers: IncomingHttpHeaders): void {
  const cookie = headers.cookie;
  // It goes no further: nothing behind has to know of cookies, or may log one.
  delete headers.cookie;
  if (cookie === undefined || headers.authorization !== undefined || !isOwnPage(headers)) return;
  const found = new Map(cookie.split(/; */).map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]));
  const token = found.get(names.secure) ?? found.get(names.plain) ?? '';
  if (credential.test(token)) headers.authorization = `Bearer ${token}`;
}

/** Browsers say on every such request which page it is from, and no page can change what they say. */
function isOwnPage(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const host = headers[':authority'] ?? headers.host;
  return typeof host === 'string' && hostOf(headers.origin) === host;
}

function hostOf(origin: string | undefined): string | undefined {
  return origin !== undefined && URL.canParse(origin) ? new URL(origin).host : undefined;
}

/**
 * Moves the token of an answer that opens a session into a cookie, for who asked for that, and takes the cookie back when the session
 * ends or turns out to be over.
 */
export function cookieSessions(): Interceptor {
  return (next) => async (request) => {
    const wanted = request.header.get(sessionInHeader) === 'cookie' && !request.stream;
    if (!wanted) return next(request);
    const isSecure = request.header.get('origin')?.startsWith('https:') === true;
    const response = (await next(request)) as UnaryResponse;
    const token = (response.message as Message & { sessionToken?: unknown }).sessionToken;
    if (typeof token === 'string' && token !== '') {
      response.header.append('set-cookie', cookieOf(isSecure, token, maxAgeSeconds));
      return { ...response, message: { ...response.message, sessionToken: '' } } as UnaryResponse;
    }
    if (endsSession(request)) response.header.append('set-cookie', cookieOf(isSecure, '', 0));
    return response;
  };
}

const endsSession = ({ method }: UnaryRequest): boolean => method.name === 'SignOut';

const cookieOf = (isSecure: boolean, value: string, maxAge: number): string =>
  `${isSecure ? names.secure : names.plain}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}${isSecure ? '; Secure' : ''}`;
