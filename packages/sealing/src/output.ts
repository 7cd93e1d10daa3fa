import { framed } from './framed.ts';
import { openFrom, sealFrom } from './hpke.ts';
import { keyId } from './key.ts';

/** What a revealed output is bound to: it opens as the answer to one request and as nothing else. */
export interface OutputFor {
  /** Id of the organization. */
  readonly tenant: string;
  /** Id of the agent that sealed it. */
  readonly agent: string;
  /** Id of the cluster. */
  readonly cluster: string;
  /** Name of the output. */
  readonly output: string;
  /** Chosen at random by who asked, for this one request. */
  readonly nonce: Uint8Array;
}

/** X25519 keys of 32 bytes each: one is private, its holder's own; the other is the public one of the other side. */
export interface OutputKeys {
  /** Of the person's client: the public key to seal, the private one to open. */
  readonly recipient: Uint8Array;
  /** The agent's sealing key: the private one to seal, the public one to open. */
  readonly sender: Uint8Array;
}

const info = new TextEncoder().encode('truffle/output/v1');

/** The label and each field in the order of `OutputFor`, the recipient's key before the nonce; framed. */
const outputAad = (bound: OutputFor, recipientId: string): Uint8Array<ArrayBuffer> =>
  framed(['truffle/output-aad/v1', bound.tenant, bound.agent, bound.cluster, bound.output, recipientId, bound.nonce]);

/**
 * Seals an output to a person's client (HPKE in its authenticated mode): only the holder of the recipient's private key reads it, and sees
 * that it was sealed by the holder of the sender's. @throws RangeError when a key has another length
 */
export const sealOutput = (
  keys: OutputKeys,
  plaintext: Uint8Array,
  bound: OutputFor,
): Promise<Uint8Array<ArrayBuffer>> =>
  sealFrom(keys.sender, { publicKey: keys.recipient, plaintext, aad: outputAad(bound, keyId(keys.recipient)) }, info);

/**
 * Opens what `sealOutput` made. `recipientPublicKey` is the public half of `keys.recipient`.
 * @throws SealedValueError when it does not open: sealed for another, bound to something else, changed, or not by that agent
 * @throws RangeError when a key has another length
 */
export const openOutput = (
  keys: OutputKeys,
  recipientPublicKey: Uint8Array,
  sealed: Uint8Array,
  bound: OutputFor,
): Promise<Uint8Array<ArrayBuffer>> =>
  openFrom(keys.sender, { privateKey: keys.recipient, sealed, aad: outputAad(bound, keyId(recipientPublicKey)) }, info);
