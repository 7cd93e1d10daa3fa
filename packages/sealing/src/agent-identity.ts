import { createHash } from 'node:crypto';
import { framed } from './framed.ts';
import { fingerprintWords } from './key.ts';

// What an agent and its gateway must compute alike.

const recoveryLabel = 'truffle/agent-recovery/v1';
const keysLabel = 'truffle/agent-keys/v1';
const holderLabel = 'truffle/agent-holder/v1';

/** What an agent signs to get a certificate after its last one has ended. */
export interface RecoveryStatement {
  readonly agentId: string;
  readonly challenge: Uint8Array;
  /** PKCS #10 in DER. */
  readonly csr: Uint8Array;
  readonly incarnation: string;
  readonly journalLsn: bigint;
  /** SHA-256 of the token that the last session gave; empty for none. */
  readonly continuitySha256: Uint8Array;
}

/** The bytes that the identity key signs: every field behind its length, so that no two statements have the same bytes. */
export const recoveryBytes = (statement: RecoveryStatement): Uint8Array<ArrayBuffer> =>
  framed([
    recoveryLabel,
    statement.agentId,
    statement.challenge,
    statement.csr,
    statement.incarnation,
    String(statement.journalLsn),
    statement.continuitySha256,
  ]);

/** The public keys that an agent enrols with. */
export interface AgentKeys {
  /** P-256, SPKI in DER: of the first certificate. */
  readonly mtls: Uint8Array;
  /** Ed25519, 32 bytes. */
  readonly identity: Uint8Array;
  /** X25519, 32 bytes. */
  readonly sealing: Uint8Array;
}

/** Words that a person compares before an agent is approved; they stand for all of its keys. */
export const enrolmentWords = ({ mtls, identity, sealing }: AgentKeys): string =>
  fingerprintWords(framed([keysLabel, mtls, identity, sealing]));

/**
 * Tells the data folders apart that say to be the same agent, in 12 hex digits: a copy has its original's incarnation, but not the token
 * of the session that came after. `continuitySha256` is empty before the first session.
 */
export const holderFingerprint = (incarnation: string, continuitySha256: Uint8Array): string =>
  createHash('sha256')
    .update(framed([holderLabel, incarnation, continuitySha256]))
    .digest('hex')
    .slice(0, 12);
