import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../durable.ts';
import { makeSshKey, publicHalf } from './ssh-key.ts';

/** The key pair that the agent logs in to guests with; the private half never leaves the site. */
export interface SiteKey {
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA… truffle-agent`. */
  readonly publicKey: string;
}

const fileName = 'guest_ssh_key';
const comment = 'truffle-agent';

/** The key in `dataDir`, made at the first call: readable by the agent's user only. @throws Error when the file can't be read or written */
export function loadSiteKey(dataDir: string): SiteKey {
  const path = join(dataDir, fileName);
  const privateKey = readOrUndefined(path) ?? makeKey(path);
  const open = publicHalf(privateKey);
  if (open === undefined) throw new Error(`${path} holds no private key in OpenSSH's form without a passphrase`);
  return { privateKey, publicKey: `${open} ${comment}` };
}

function makeKey(path: string): string {
  const privateKey = makeSshKey(comment);
  writeDurably(path, privateKey, 0o600);
  return privateKey;
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
