import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointKeyId, signCheckpoint, type Checkpoint } from '@truffle/audit';

/** The file with the audit key is missing or holds none. */
export class AuditKeyError extends Error {
  override readonly name = 'AuditKeyError';
  readonly code = 'AUDIT_KEY';
}

/** Signs checkpoints. Its key is in a file: whoever has the database alone cannot make one. */
export class CheckpointSigner {
  readonly #privateKey: KeyObject;
  readonly #keyId: string;
  /** Public keys, also those of before, by id. */
  readonly publicKeys: ReadonlyMap<string, KeyObject>;

  /** @param folder has `audit.key.pem` and every `audit*.pub.pem` that ever signed. @throws AuditKeyError */
  constructor(folder: string) {
    try {
      this.#privateKey = createPrivateKey(readFileSync(join(folder, 'audit.key.pem')));
      const own = createPublicKey(this.#privateKey);
      this.#keyId = checkpointKeyId(own);
      const files = readdirSync(folder).filter((name) => /^audit.*\.pub\.pem$/.test(name));
      const keys = [own, ...files.map((name) => createPublicKey(readFileSync(join(folder, name))))];
      this.publicKeys = new Map(keys.map((key) => [checkpointKeyId(key), key]));
    } catch (cause) {
      throw new AuditKeyError(
        `the tenant service signs the audit trail and needs audit.key.pem and audit.pub.pem (Ed25519) in ${folder}; npm start makes them`,
        { cause },
      );
    }
  }

  /** A key for `purpose` that follows from the audit key. */
  derivedKey(purpose: string): Buffer {
    const der = this.#privateKey.export({ type: 'pkcs8', format: 'der' });
    return Buffer.from(hkdfSync('sha256', der, 'truffle/audit-key', purpose, 32));
  }

  sign(kind: Checkpoint['kind'], orgId: string, n: string, hash: Buffer, at: Date): Checkpoint {
    const claim = { kind, org_id: orgId, n, hash: hash.toString('hex'), at: at.toISOString() };
    return signCheckpoint(this.#privateKey, this.#keyId, claim);
  }
}
