import { integer, list, secret, SettingError, text, type Setting } from '@truffle/config';
import { AddressRangeError, AddressRanges, plainAddress } from './address.ts';

/** Addresses and ranges. */
const ranges = (variable: string, help: string): Setting<AddressRanges> => ({
  variable,
  help,
  secret: false,
  fallback: new AddressRanges([]),
  parse: (given) => {
    try {
      return new AddressRanges(
        list(variable, help)
          .parse(given)
          .map((each) => plainAddress(each) || each),
      );
    } catch (error) {
      throw error instanceof AddressRangeError
        ? new SettingError(variable, `: one of its items ${error.message}`)
        : error;
    }
  },
});

/** What every process of the control plane is told by its environment. */
export const hostSettings = {
  listen: text('TRUFFLE_LISTEN', 'where to serve the API, host:port (port 0 takes a free one)', {
    fallback: '127.0.0.1:7400',
  }),
  databaseUrl: text(
    'TRUFFLE_DATABASE_URL',
    'PostgreSQL: postgres://host:port/database, over TLS with ?sslmode=verify-full&sslrootcert=file',
  ),
  databasePasswords: text(
    'TRUFFLE_DATABASE_PASSWORDS_DIR',
    'folder with one file per database role that this process may use: its password',
  ),
  contextKeys: text(
    'TRUFFLE_CONTEXT_KEYS_DIR',
    'folder with one file per database role: the key of its tenant settings, in hex',
  ),
  serviceKeys: text(
    'TRUFFLE_SERVICE_KEYS_DIR',
    "folder with this process's own service keys (<service>.key.pem) and every service's public key (<service>.pub.pem)",
  ),
  natsUrl: secret(
    'TRUFFLE_NATS_URL',
    'NATS: nats://user:password@host:port, or tls://user:password@host:port?tls=folder with tls.crt, tls.key and ca.crt',
  ),
  temporalAddress: text(
    'TRUFFLE_TEMPORAL_ADDRESS',
    "Temporal's frontend, host:port, or tls://host:port?tls=folder with tls.crt, tls.key and ca.crt",
  ),
  temporalNamespace: text('TRUFFLE_TEMPORAL_NAMESPACE', "Temporal's namespace", { fallback: 'truffle' }),
  tlsFolder: text(
    'TRUFFLE_TLS_DIR',
    'folder with what this process shows of itself to the other parts of the installation: tls.crt, tls.key and ca.crt, read anew when they change',
    { fallback: '' },
  ),
  listenPeers: list(
    'TRUFFLE_LISTEN_PEERS',
    'parts of the installation that may connect to a service process, over TLS with their certificates (edge,tenant,…); empty serves everybody in clear',
    { fallback: [] },
  ),
  peers: list('TRUFFLE_PEERS', 'other services, where they are not in this process: tenant=https://host:port,…', {
    fallback: [],
  }),
  trustedProxies: ranges(
    'TRUFFLE_TRUSTED_PROXIES',
    'addresses and ranges whose x-forwarded-for is believed, as of the edge or a load balancer',
  ),
  publicUrl: text('TRUFFLE_PUBLIC_URL', 'origin that people and agents reach the API at', { fallback: '' }),
  consoleFolder: text('TRUFFLE_CONSOLE_DIR', 'folder with the built console; empty to serve none', { fallback: '' }),
  agentReleaseFolder: text(
    'TRUFFLE_AGENT_RELEASE_DIR',
    "folder with the agent's releases as agent/release.ts makes them; empty to serve none",
    { fallback: '' },
  ),
  logLevel: text('TRUFFLE_LOG_LEVEL', 'trace, debug, info, warn or error', { fallback: 'info' }),
  otlpEndpoint: text('OTEL_EXPORTER_OTLP_ENDPOINT', 'where traces go, over OTLP/HTTP; empty for nowhere', {
    fallback: '',
  }),
  ratePercent: integer('TRUFFLE_RATE_PERCENT', 'widens or narrows every rate limit', {
    fallback: 100,
    min: 1,
    max: 1_000_000,
  }),
} as const;
