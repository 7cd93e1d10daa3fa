import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { programEnvironment } from '@truffle/config';
import { ensureInstallation } from '@truffle/kit';
import { ChildError } from './children.ts';
import { accountKeyFile, kekFolder, keyFolders, type ProcessName } from './environment.ts';
import { checkout, type StateFolder } from './state-folder.ts';

/** The database roles that each service works with. A process is given their keys and no others. */
const rolesOf = {
  tenant: ['svc_tenant', 'svc_identity', 'svc_ledger_reader', 'svc_relay', 'svc_ledger_keeper'],
  template: ['svc_template'],
  billing: ['svc_billing'],
  orchestration: ['svc_orchestration', 'svc_orchestration_sweep'],
  'agent-gateway': ['svc_agent_gateway', 'svc_agent_sweep'],
} as const;

type ServiceProcess = keyof typeof rolesOf;
const services = Object.keys(rolesOf) as ServiceProcess[];

const migrateMilliseconds = 120_000;

/** Makes the installation's secrets where they are missing and gives each process of `shape` those that it may use. */
export function handOutKeys(folder: StateFolder, shape: readonly ProcessName[]): void {
  const installation = ensureInstallation(installationFolder(folder));
  const from = {
    passwords: installation.env.TRUFFLE_DATABASE_PASSWORDS_DIR,
    context: installation.env.TRUFFLE_CONTEXT_KEYS_DIR,
    service: installation.env.TRUFFLE_SERVICE_KEYS_DIR,
  };
  for (const name of shape) {
    const own = services.filter((service) => name === 'all-in-one' || name === service);
    const to = keyFolders(folder, name);
    for (const path of Object.values(to)) mkdirSync(path, { recursive: true, mode: 0o700 });
    for (const role of own.flatMap((service) => rolesOf[service])) {
      copyFileSync(join(from.passwords, role), join(to.passwords, role));
      copyFileSync(join(from.context, role), join(to.context, role));
    }
    if (own.includes('tenant')) {
      const accountKey = installation.env.TRUFFLE_ACCOUNT_KEY_FILE;
      if (accountKey !== undefined) copyFileSync(accountKey, accountKeyFile(folder, name));
      cpSync(installation.env.TRUFFLE_KEK_DIR, kekFolder(folder, name), { recursive: true });
    }
    // The audit trail's checkpoints are signed by the tenant service.
    for (const key of own.flatMap((service) => (service === 'tenant' ? [service, 'audit'] : [service])))
      copyFileSync(join(from.service, `${key}.key.pem`), join(to.service, `${key}.key.pem`));
    for (const service of [...services, 'audit'])
      copyFileSync(join(from.service, `${service}.pub.pem`), join(to.service, `${service}.pub.pem`));
  }
}

/**
 * Brings the services' database up to date, in a process of its own: only it is given the superuser's login.
 * @throws ChildError with what it said when it fails
 */
export async function migrateDatabase(folder: StateFolder, databaseUrl: string, signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [join(checkout, 'services', 'all-in-one', 'src', 'migrate.ts')], {
    env: {
      ...programEnvironment(process.env),
      TRUFFLE_DATABASE_ADMIN_URL: databaseUrl,
      TRUFFLE_INSTALLATION_DIR: installationFolder(folder),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: migrateMilliseconds,
    signal,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-8_000)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0)
    throw new ChildError(`the database could not be brought up to date (code ${code}):\n${said.trimEnd()}`);
}

/** Where the installation's secrets are, all of them; processes are given copies of their own. */
export const installationFolder = (folder: StateFolder): string => join(folder.keys, 'installation');
