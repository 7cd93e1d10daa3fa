import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { passedOn, programEnvironment } from '@truffle/config';
import type { EngineAddresses } from './engines.ts';
import { tlsFolder } from './internal-authority.ts';
import type { Ports } from './ports.ts';
import type { StateFolder } from './state-folder.ts';

/** The processes of the control plane and the port that each serves on: one for all, or one each with `edge` before them. */
export const processes = {
  'all-in-one': 'api',
  tenant: 'tenant',
  template: 'template',
  billing: 'billing',
  orchestration: 'orchestration',
  'agent-gateway': 'agentGateway',
  edge: 'api',
} as const satisfies Record<string, keyof Ports>;

export type ProcessName = keyof typeof processes;

const together: readonly ProcessName[] = ['all-in-one'];
const apart: readonly ProcessName[] = ['tenant', 'template', 'billing', 'orchestration', 'agent-gateway', 'edge'];

export const shapeOf = (split: boolean): readonly ProcessName[] => (split ? apart : together);

/** Where a process finds the keys that it may use. The folders are filled before it starts. */
export const keyFolders = (
  folder: StateFolder,
  name: ProcessName,
): { readonly passwords: string; readonly context: string; readonly service: string } => ({
  passwords: join(folder.keys, name, 'passwords'),
  context: join(folder.keys, name, 'context'),
  service: join(folder.keys, name, 'service'),
});

/** The key of what people's accounts kept secret in an installation of before; only the tenant service has it. */
export const accountKeyFile = (folder: StateFolder, name: ProcessName): string =>
  join(folder.keys, name, 'account-key');

/** The key-encryption keys of everything that is sealed in the database; only the tenant service has them. */
export const kekFolder = (folder: StateFolder, name: ProcessName): string =>
  join(folder.keys, name, 'key-encryption-keys');

/** Where mail goes as files while no SMTP server is named: it carries links that open accounts, so no log ever has it. */
export const mailFolder = (folder: StateFolder): string => join(folder.root, 'mail');

export const publicUrl = (ports: Ports): string => `http://127.0.0.1:${ports.api}`;

/** Every variable that a process of the control plane is given: the settings of the server kit, and the gateway's own. */
export function processEnvironment(
  name: ProcessName,
  folder: StateFolder,
  ports: Ports,
  engines: EngineAddresses,
  shape: readonly ProcessName[],
): NodeJS.ProcessEnv {
  const keys = keyFolders(folder, name);
  const database = new URL(engines.databaseUrl);
  const peers = shape
    .filter((peer) => peer !== name && peer !== 'edge')
    .map((peer) => `${peer}=https://127.0.0.1:${ports[processes[peer]]}`);
  return {
    // Nothing else of our environment reaches a service: it may hold anyone's secrets.
    ...programEnvironment(process.env),
    ...passedOn(process.env, [
      'HOME',
      'TZ',
      'LANG',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'TRUFFLE_LOG_LEVEL',
      'TRUFFLE_RATE_PERCENT',
      'TRUFFLE_DEFAULT_PLAN',
      'TRUFFLE_ALLOWLIST_SUSPENDED',
      'TRUFFLE_TRUSTED_PROXIES',
      'TRUFFLE_AUDIT_RETENTION_DAYS',
      'NODE_EXTRA_CA_CERTS',
    ]),
    TRUFFLE_LISTEN: `127.0.0.1:${ports[processes[name]]}`,
    TRUFFLE_PUBLIC_URL: publicUrl(ports),
    TRUFFLE_PEERS: peers.join(','),
    TRUFFLE_TLS_DIR: tlsFolder(folder, name),
    // Apart, a service is there for the others alone; people come in by the edge, or to the one process.
    ...(isInside(name) ? { TRUFFLE_LISTEN_PEERS: [...apart, 'operator'].join(',') } : {}),
    // Only the edge dials the services when they are apart.
    ...(shape.includes('edge') && name !== 'edge' ? { TRUFFLE_TRUSTED_PROXIES: '127.0.0.1,::1,::ffff:127.0.0.1' } : {}),
    // Without the superuser's login: each process has roles of its own.
    TRUFFLE_DATABASE_URL: `postgres://${database.host}${database.pathname}${database.search}`,
    TRUFFLE_DATABASE_PASSWORDS_DIR: keys.passwords,
    TRUFFLE_CONTEXT_KEYS_DIR: keys.context,
    TRUFFLE_SERVICE_KEYS_DIR: keys.service,
    // Beside the database, so that a cut trail shows.
    ...(name === 'all-in-one' || name === 'tenant'
      ? { TRUFFLE_AUDIT_CHECKPOINTS_DIR: join(folder.root, 'audit-checkpoints') }
      : {}),
    TRUFFLE_NATS_URL: shownAs(engines.natsUrl, tlsFolder(folder, name)),
    TRUFFLE_TEMPORAL_ADDRESS: shownAs(engines.temporalAddress, tlsFolder(folder, name)),
    TRUFFLE_TEMPORAL_NAMESPACE: engines.temporalNamespace,
    TRUFFLE_AGENT_LISTEN: `127.0.0.1:${ports.agents}`,
    TRUFFLE_AGENT_ENDPOINTS: `127.0.0.1:${ports.agents}`,
    TRUFFLE_AGENT_CA_DIR: join(folder.keys, 'agent-ca'),
    // The gateway passes commands on and is never where they are signed.
    ...(name === 'all-in-one' || name === 'orchestration'
      ? {
          TRUFFLE_COMMAND_KEY_DIR: join(folder.keys, 'command-keys'),
          ...passedOn(process.env, ['TRUFFLE_OUTGOING_ALLOW']),
        }
      : {}),
    ...(name === 'all-in-one' || name === 'tenant'
      ? {
          ...(existsSync(accountKeyFile(folder, name))
            ? { TRUFFLE_ACCOUNT_KEY_FILE: accountKeyFile(folder, name) }
            : {}),
          TRUFFLE_KEK_DIR: kekFolder(folder, name),
          TRUFFLE_MAIL_DIR: mailFolder(folder),
          ...passedOn(process.env, [
            'TRUFFLE_SMTP_URL',
            'TRUFFLE_SMTP_URL_FILE',
            'TRUFFLE_MAIL_FROM',
            'TRUFFLE_OUTGOING_ALLOW',
            'TRUFFLE_DNS_SERVERS',
          ]),
        }
      : {}),
    // A developer's machine is off for longer than a certificate is good, and often.
    TRUFFLE_AGENT_RECOVERIES: '30',
  };
}

/** Whether a process is reached by the others alone, over TLS. */
export const isInside = (name: ProcessName): boolean => name !== 'all-in-one' && name !== 'edge';

/** The address of an engine of ours, with the process's own certificate in the place of the bootstrap's. */
function shownAs(address: string, own: string): string {
  if (!address.startsWith('tls://')) return address;
  const url = new URL(address);
  if (url.searchParams.get('tls')?.endsWith('/operator') !== true) return address;
  url.searchParams.set('tls', own);
  return url.href;
}
