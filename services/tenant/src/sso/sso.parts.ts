import { Resolver } from 'node:dns/promises';
import { list, type Settings } from '@truffle/config';
import { OutgoingClient } from '@truffle/outgoing';
import type { TxtResolver } from '../connection/domain.usecases.ts';
import { OpenId } from '../connection/openid.ts';
import { Issuers } from '../issuer/issuers.ts';
import type { TenantParts } from '../parts.ts';

/** What sign-in by providers is told by the environment. */
export const ssoSettings = {
  outgoingAllow: list(
    'TRUFFLE_OUTGOING_ALLOW',
    'addresses, ranges and host names inside that tenants may name too, e.g. of your own OpenID provider; also without TLS',
    { fallback: [] },
  ),
  dnsServers: list('TRUFFLE_DNS_SERVERS', "servers that domains' records are looked up at; the system's unless told", {
    fallback: [],
  }),
} as const;

const lookupMs = 3_000;

/** What sign-in by providers works with. */
export function ssoParts(
  settings: Settings<typeof ssoSettings>,
  origin: string,
  now: () => Date,
): Pick<TenantParts, 'issuers' | 'openid' | 'txt' | 'origin'> {
  const client = new OutgoingClient({ allow: settings.outgoingAllow });
  const issuers = new Issuers({ client, plainHosts: settings.outgoingAllow, now });
  return {
    issuers,
    openid: new OpenId(issuers, origin),
    txt: txtResolver(settings.dnsServers),
    origin,
  };
}

function txtResolver(servers: readonly string[]): TxtResolver {
  const resolver = new Resolver({ timeout: lookupMs, tries: 2 });
  if (servers.length > 0) resolver.setServers([...servers]);
  return async (name) => (await resolver.resolveTxt(name)).map((pieces) => pieces.join(''));
}
