import { readSettings, secret, text } from '@truffle/config';
import { Envelope, fileKeys } from '@truffle/envelope';
import { readHostFile, type ModuleDeps } from '@truffle/kit';
import { AccountKey } from '../account/account-key.ts';

const secretSettings = {
  kekFolder: text(
    'TRUFFLE_KEK_DIR',
    'folder with the key-encryption keys of everything that is sealed in the database',
  ),
  accountKey: secret(
    'TRUFFLE_ACCOUNT_KEY',
    "32 bytes in hex, of an installation of before: opens authenticator apps' seeds that were sealed with it, until they are sealed anew",
    { fallback: '' },
  ),
} as const;

/** What seals and opens in this process. */
export interface SecretParts {
  readonly envelope: Envelope;
  /** Undefined for an installation that never had one. */
  readonly accountKey: AccountKey | undefined;
}

/** Reads the settings of what is kept secret at rest. */
export function openSecrets(deps: ModuleDeps): SecretParts {
  const { kekFolder, accountKey } = readSettings(secretSettings, deps.env, readHostFile);
  return {
    envelope: new Envelope('tenant', fileKeys(kekFolder)),
    accountKey: accountKey === '' ? undefined : new AccountKey(accountKey),
  };
}
