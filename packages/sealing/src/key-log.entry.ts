import { framed } from './framed.ts';

const label = 'truffle/sealing-key-log/v1';

/** One sealing key of an agent, as the agent signs it. */
export interface KeyLogEntry {
  /** Counts from 1. */
  readonly n: bigint;
  /** X25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Ed25519, 32 bytes: whose signature it is. */
  readonly identityPublicKey: Uint8Array;
  /** `keyLogHash` of the entry before; empty for the first. */
  readonly previousSha256: Uint8Array;
  readonly signature: Uint8Array;
}

/** The bytes that an entry's signature is of. */
export const keyLogBytes = (agentId: string, entry: Omit<KeyLogEntry, 'signature'>): Uint8Array<ArrayBuffer> =>
  framed([label, agentId, String(entry.n), entry.publicKey, entry.identityPublicKey, entry.previousSha256]);
