import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contextKeyOf, serviceRoles, type ServiceRole } from '@truffle/database';
import { addFileKey, newestId } from '@truffle/envelope';
import type { ServiceName } from './service-context.ts';

/** Secrets of one installation of the control plane, as files that only its owner reads. */
export interface Installation {
  readonly folder: string;
  readonly databasePasswords: Readonly<Record<ServiceRole, string>>;
  readonly contextMaster: Buffer;
  /** What `hostSettings` and the tenant service need to find the files. */
  readonly env: Readonly<
    Record<
      'TRUFFLE_DATABASE_PASSWORDS_DIR' | 'TRUFFLE_CONTEXT_KEYS_DIR' | 'TRUFFLE_SERVICE_KEYS_DIR' | 'TRUFFLE_KEK_DIR',
      string
    > & {
      /** Of an installation that an earlier release made. */
      TRUFFLE_ACCOUNT_KEY_FILE?: string;
    }
  >;
}

const services: readonly ServiceName[] = ['tenant', 'template', 'orchestration', 'billing', 'agent-gateway'];

/** Makes what is missing of an installation's secrets in `folder`; what is there is kept. Not for two processes at once. */
export function ensureInstallation(folder: string): Installation {
  const passwords = join(folder, 'database-passwords');
  const contextKeys = join(folder, 'context-keys');
  const serviceKeys = join(folder, 'service-keys');
  for (const path of [folder, passwords, contextKeys, serviceKeys]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const contextMaster = Buffer.from(
    kept(join(folder, 'context-master'), () => randomBytes(32).toString('hex')),
    'hex',
  );
  const databasePasswords = {} as Record<ServiceRole, string>;
  for (const role of Object.keys(serviceRoles) as ServiceRole[]) {
    databasePasswords[role] = kept(join(passwords, role), () => randomBytes(24).toString('base64url'));
    kept(join(contextKeys, role), () => contextKeyOf(contextMaster, role).secret.toString('hex'));
  }
  const accountKey = join(folder, 'account-key');
  const keks = join(folder, 'key-encryption-keys');
  if (newestId(keks) === undefined) addFileKey(keks);
  for (const name of [...services, 'audit']) ensureKey(serviceKeys, name);
  return {
    folder,
    databasePasswords,
    contextMaster,
    env: {
      TRUFFLE_DATABASE_PASSWORDS_DIR: passwords,
      TRUFFLE_CONTEXT_KEYS_DIR: contextKeys,
      TRUFFLE_SERVICE_KEYS_DIR: serviceKeys,
      ...(existsSync(accountKey) ? { TRUFFLE_ACCOUNT_KEY_FILE: accountKey } : {}),
      TRUFFLE_KEK_DIR: keks,
    },
  };
}

function ensureKey(folder: string, name: string): void {
  if (existsSync(join(folder, `${name}.pub.pem`))) return;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  write(join(folder, `${name}.key.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  write(join(folder, `${name}.pub.pem`), publicKey.export({ type: 'spki', format: 'pem' }));
}

function kept(path: string, make: () => string): string {
  if (!existsSync(path)) write(path, make());
  return readFileSync(path, 'utf8').trim();
}

function write(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
