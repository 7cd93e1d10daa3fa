import type { Database } from '@truffle/database';
import { demandKeys, Envelope, keysInUse, renewAll, reseal, rewrap, type KeyEncryptionKeys } from '@truffle/envelope';
import { sealedColumns } from './secret.columns.ts';

const schema = 'tenant';

export interface RotationParts {
  /** As `svc_key_rotation`. */
  readonly database: Database<unknown>;
  readonly keks: KeyEncryptionKeys;
  /** Told as each page is through. */
  readonly tell: (line: string) => void;
}

/** Where a rotation stands. */
export interface RotationState {
  /** The newest key-encryption key. */
  readonly newest: string;
  /** Data keys by the key-encryption key that wraps them. What is not here is needed for nothing. */
  readonly dataKeys: Readonly<Record<string, number>>;
}

export async function readRotation({ database, keks }: RotationParts): Promise<RotationState> {
  const { id } = await keks.newest();
  return { newest: id, dataKeys: Object.fromEntries(await keysInUse(database, schema)) };
}

/**
 * Puts every data key under the newest key-encryption key, gives each owner a new data key (once for each key-encryption key) and seals every
 * value with it, in small steps while services serve. Ended at any point it is begun again; run twice it does nothing the second time.
 * @throws EnvelopeError when a key is missing
 */
export async function rotate(parts: RotationParts): Promise<RotationState> {
  const { database, keks, tell } = parts;
  const envelope = new Envelope(schema, keks);
  await demandKeys(database, schema, keks);
  tell(`data keys put under ${(await keks.newest()).id}: ${await rewrap(database, schema, keks)}`);
  tell(`owners given a new data key: ${await renewAll(database, schema, envelope, keks)}`);
  for (const column of Object.values(sealedColumns)) {
    const name = `${column.table}.${column.column}`;
    await reseal(database, schema, envelope, column, (done) => tell(`${name} sealed anew: ${done}`));
  }
  // A service that learned of the newest key a moment later made its data keys under the one before.
  await rewrap(database, schema, keks);
  return readRotation(parts);
}
