import type { IncomingMessage } from 'node:http';
import type { Cluster } from '../cluster/cluster.ts';
import { AuthError } from '../errors.ts';

/** Who sends the request. */
export interface Caller {
  /** `user@realm` or `user@realm!token`. */
  user: string;
  token: boolean;
}

/**
 * Finds the caller by ticket or API token.
 * @throws {AuthError} "No ticket", "Authentication failed!" or "Permission denied - invalid csrf token"
 */
export function authenticate(cluster: Cluster, request: IncomingMessage, options: { upload: boolean }): Caller {
  const authorization = request.headers.authorization ?? '';
  const token = /^PVEAPIToken[= ](.*)$/.exec(authorization)?.[1];
  if (token !== undefined) return byToken(cluster, token);
  const ticket =
    cookieTicket(request) ??
    (authorization.startsWith('PVEAuthCookie=') ? decodeURIComponent(authorization.slice(14)) : undefined);
  if (ticket === undefined) throw new AuthError('No ticket');
  const user = cluster.tickets.verify(ticket, cluster.seconds());
  if (user === undefined || cluster.access.users[user]?.enable !== true) throw new AuthError('Authentication failed!');
  const writes = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS';
  const csrf = String(request.headers['csrfpreventiontoken'] ?? '');
  if (writes && !options.upload && !cluster.tickets.verifyCsrf(user, csrf, cluster.seconds())) {
    throw new AuthError('Permission denied - invalid csrf token');
  }
  return { user, token: false };
}

function cookieTicket(request: IncomingMessage): string | undefined {
  const raw = /(?:^|;\s*)PVEAuthCookie=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
  if (raw === undefined) return undefined;
  try {
    return decodeURIComponent(raw.replaceAll('"', ''));
  } catch {
    return raw;
  }
}

function byToken(cluster: Cluster, text: string): Caller {
  const [, userid = '', tokenid = '', secret = ''] = /^([^!\s]+)!([^=\s]+)=(\S+)$/.exec(text) ?? [];
  const user = cluster.access.users[userid];
  const token = user?.tokens[tokenid];
  const expired = (at: number): boolean => at !== 0 && at <= cluster.seconds();
  const good =
    user !== undefined &&
    token !== undefined &&
    user.enable &&
    token.secret === secret &&
    !expired(token.expire) &&
    !expired(user.expire);
  if (!good) throw new AuthError('Authentication failed!');
  return { user: `${userid}!${tokenid}`, token: true };
}
