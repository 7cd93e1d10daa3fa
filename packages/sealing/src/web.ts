// What sealing needs where there is no Node: the same bytes by WebCrypto, which answers later. Its tests hold it against Node's.
import { keyLogBytes, type KeyLogEntry } from './key-log.entry.ts';
import { fingerprintWordList } from './words.ts';

export { canonicalAad, type SealedFor } from './aad.ts';
export { seal } from './hpke.ts';
export type { KeyLogEntry } from './key-log.entry.ts';

const rawKeyBytes = 32;

const hexOf = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

const sha256 = async (...parts: readonly Uint8Array[]): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(parts.map(plain)).arrayBuffer()));

/** Names a public key: the first 16 bytes of its SHA-256 in hex. */
export const keyId = async (publicKey: Uint8Array): Promise<string> => hexOf(await sha256(publicKey)).slice(0, 32);

/** Eight words that a person compares: the first 8 bytes of the key's SHA-256, one word each, joined by `-`. */
export const fingerprintWords = async (publicKey: Uint8Array): Promise<string> =>
  [...(await sha256(publicKey)).subarray(0, 8)].map((byte) => fingerprintWordList[byte]).join('-');

/** Names an entry with everything before it: SHA-256 in hex. */
export const keyLogHash = async (agentId: string, entry: KeyLogEntry): Promise<string> =>
  hexOf(await sha256(keyLogBytes(agentId, entry), entry.signature));

async function isSigned(agentId: string, entry: KeyLogEntry): Promise<boolean> {
  if (entry.identityPublicKey.length !== rawKeyBytes || entry.publicKey.length !== rawKeyBytes) return false;
  const key = await crypto.subtle.importKey('raw', plain(entry.identityPublicKey), 'Ed25519', false, ['verify']);
  return crypto.subtle.verify('Ed25519', key, plain(entry.signature), keyLogBytes(agentId, entry));
}

/** What is wrong with a whole log, first to last, for people; undefined when every entry is signed and names the one before it. */
export async function keyLogProblem(agentId: string, entries: readonly KeyLogEntry[]): Promise<string | undefined> {
  let previous = '';
  for (const [i, entry] of entries.entries()) {
    if (entry.n !== BigInt(i + 1)) return `entry ${i + 1} is numbered ${entry.n}`;
    if (hexOf(entry.previousSha256) !== previous) return `entry ${entry.n} does not follow the one before it`;
    if (!(await isSigned(agentId, entry))) return `entry ${entry.n} is not signed by the key that it names`;
    previous = await keyLogHash(agentId, entry);
  }
  return undefined;
}

const plain = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
