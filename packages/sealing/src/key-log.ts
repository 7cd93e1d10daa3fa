import { createHash, createPublicKey, verify } from 'node:crypto';
import { keyLogBytes, type KeyLogEntry } from './key-log.entry.ts';

/** An Ed25519 key in SPKI, before its 32 bytes (RFC 8410). */
const spkiHeader = Buffer.from('302a300506032b6570032100', 'hex');

/** Names an entry with everything before it: SHA-256 in hex. */
export const keyLogHash = (agentId: string, entry: KeyLogEntry): string =>
  createHash('sha256').update(keyLogBytes(agentId, entry)).update(entry.signature).digest('hex');

/** Whether the identity key that the entry names has signed it. */
export function isSigned(agentId: string, entry: KeyLogEntry): boolean {
  if (entry.identityPublicKey.length !== 32 || entry.publicKey.length !== 32) return false;
  const key = createPublicKey({
    key: Buffer.concat([spkiHeader, entry.identityPublicKey]),
    format: 'der',
    type: 'spki',
  });
  return verify(null, keyLogBytes(agentId, entry), key, entry.signature);
}

/** What is wrong with a whole log, first to last, for people; undefined when every entry is signed and names the one before it. */
export function keyLogProblem(agentId: string, entries: readonly KeyLogEntry[]): string | undefined {
  let previous = '';
  for (const [i, entry] of entries.entries()) {
    if (entry.n !== BigInt(i + 1)) return `entry ${i + 1} is numbered ${entry.n}`;
    if (Buffer.from(entry.previousSha256).toString('hex') !== previous)
      return `entry ${entry.n} does not follow the one before it`;
    if (!isSigned(agentId, entry)) return `entry ${entry.n} is not signed by the key that it names`;
    previous = keyLogHash(agentId, entry);
  }
  return undefined;
}
