import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { framed, whole } from './framed.ts';
import { keyId } from './key.ts';

/** Everything that a signed command asks for. Changing any of it makes another command, which the signature is not for. */
export interface CommandTerms {
  readonly orgId: string;
  readonly agentId: string;
  readonly commandId: string;
  readonly resourceKey: string;
  readonly fence: bigint;
  /** Name of the payload's case. */
  readonly op: string;
  readonly payloadSha256: Uint8Array;
  /** Unix milliseconds. */
  readonly startBy: number;
  /** Milliseconds. */
  readonly runTimeout: number;
  readonly needsPermit: boolean;
}

/** The keys that commands are signed with, as they are handed out. */
export interface CommandKeys {
  /** Rises with each change. */
  readonly version: number;
  /** Ed25519, 32 bytes each; the first one signs. */
  readonly keys: readonly Uint8Array[];
  /** Of the set, one by each key, in their order. */
  readonly signatures: readonly Uint8Array[];
}

/** Bytes of an Ed25519 public key. */
const publicKeyBytes = 32;
/** Header of such a key in SPKI (RFC 8410). */
const spkiHeader = Buffer.from('302a300506032b6570032100', 'hex');

/** The bytes that a command's signature covers: the label and each field in the order of `CommandTerms`, framed. */
const termsBytes = (terms: CommandTerms): Uint8Array =>
  framed([
    'truffle/command/v1',
    terms.orgId,
    terms.agentId,
    terms.commandId,
    terms.resourceKey,
    String(terms.fence),
    terms.op,
    terms.payloadSha256,
    whole(terms.startBy),
    whole(terms.runTimeout),
    terms.needsPermit ? '1' : '0',
  ]);

const keySetBytes = (version: number, keys: readonly Uint8Array[]): Uint8Array =>
  framed(['truffle/command-keys/v1', whole(version), ...keys]);

/** @param key a private Ed25519 key */
export const signCommand = (key: KeyObject, terms: CommandTerms): Buffer => sign(null, termsBytes(terms), key);

/** Whether the command was signed by the owner of `publicKey` (32 bytes) with just these terms. */
export const isCommandSigned = (publicKey: Uint8Array, terms: CommandTerms, signature: Uint8Array): boolean =>
  isSigned(publicKey, termsBytes(terms), signature);

/** The set that the private keys make, signed by each of them. */
export function signCommandKeys(privateKeys: readonly KeyObject[], version: number): CommandKeys {
  const keys = privateKeys.map(rawPublicKey);
  const bytes = keySetBytes(version, keys);
  return { version, keys, signatures: privateKeys.map((key) => sign(null, bytes, key)) };
}

/**
 * Whether a set may take the place of the pinned one: it is newer, and one of the pinned keys is in it and signed it. So each change
 * must keep one key of the set before.
 */
export function mayReplaceKeys(pinned: Pick<CommandKeys, 'version' | 'keys'>, offered: CommandKeys): boolean {
  if (offered.version <= pinned.version) return false;
  const bytes = keySetBytes(offered.version, offered.keys);
  const trusted = new Set(pinned.keys.map(keyId));
  return offered.keys.some(
    (key, i) => trusted.has(keyId(key)) && isSigned(key, bytes, offered.signatures[i] ?? new Uint8Array()),
  );
}

function isSigned(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== publicKeyBytes) return false;
  const key = createPublicKey({ key: Buffer.concat([spkiHeader, publicKey]), format: 'der', type: 'spki' });
  return verify(null, bytes, key, signature);
}

const rawPublicKey = (key: KeyObject): Uint8Array =>
  new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(spkiHeader.length));
