import { createHash, sign, verify, type KeyObject } from 'node:crypto';
import { canonicalJson } from './canonical.ts';

/** What the control plane's audit key says about an organization's chain. */
export interface Checkpoint {
  /** `head`: the chain reached this. `start`: everything up to here was removed by retention, and the chain goes on from this. */
  readonly kind: 'head' | 'start';
  readonly org_id: string;
  readonly n: string;
  /** Hash of event `n`, in hex. */
  readonly hash: string;
  /** When it was signed, ISO 8601. */
  readonly at: string;
  readonly key_id: string;
  /** Ed25519, base64url. */
  readonly signature: string;
}

type Claim = Omit<Checkpoint, 'key_id' | 'signature'>;

const bytesOf = ({ kind, org_id, n, hash, at }: Claim): Buffer =>
  Buffer.from(`truffle/audit-checkpoint\n${canonicalJson({ kind, org_id, n, hash, at })}`);

/** Short name of an Ed25519 public key: the first 16 hex digits of the SHA-256 of its DER form. */
export const checkpointKeyId = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);

/** Signs `claim` with the audit key. */
export const signCheckpoint = (privateKey: KeyObject, keyId: string, claim: Claim): Checkpoint => ({
  ...claim,
  key_id: keyId,
  signature: sign(null, bytesOf(claim), privateKey).toString('base64url'),
});

/** Whether the holder of `publicKey` signed `checkpoint`. */
export function isCheckpointSigned(publicKey: KeyObject, checkpoint: Checkpoint): boolean {
  const signature = Buffer.from(checkpoint.signature, 'base64url');
  // Only one spelling of the signature is taken: a changed text is a changed checkpoint.
  if (signature.length !== 64 || signature.toString('base64url') !== checkpoint.signature) return false;
  return checkpoint.key_id === checkpointKeyId(publicKey) && verify(null, bytesOf(checkpoint), publicKey, signature);
}
