import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';

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
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw new Error(`${path} holds no private key`, { cause: parsed });
  return { privateKey, publicKey: `${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${comment}` };
}

function makeKey(path: string): string {
  const privateKey = generate();
  const draft = `${path}.new`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, privateKey);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  return privateKey;
}

/** ssh2 1.17 now and then makes a key that it can't read itself: such a one is thrown away. */
function generate(): string {
  for (let at = 0; at < 20; at++) {
    const made = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    if (!(ssh2.utils.parseKey(made.private) instanceof Error)) return made.private;
  }
  throw new Error('no usable SSH key could be made');
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
