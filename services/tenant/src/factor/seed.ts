import type { Database, Transaction } from '@truffle/database';
import { EnvelopeError, installation } from '@truffle/envelope';
import type { SecretParts } from '../secret/secret.parts.ts';
import { placeIn, sealedColumns } from '../secret/secret.columns.ts';
import type { Adopted } from '../secret/secret.adoption.ts';
import type { TenantTables } from '../tables.ts';
import { readOldSeeds, setSeed, type FactorRow } from './factor.repo.ts';

const placeOf = (factorId: string) => placeIn(sealedColumns.seed, factorId);

/** A seed as it is stored. People belong to no organization: it is sealed with the installation's data key. */
export const sealSeed = (
  parts: SecretParts,
  tx: Transaction<TenantTables>,
  factorId: string,
  seed: Buffer,
): Promise<Buffer> => parts.envelope.seal(tx, installation, placeOf(factorId), seed);

/** The seed of an authenticator app; undefined for a factor that has none. @throws EnvelopeError */
export async function openSeed(
  parts: SecretParts,
  tx: Transaction<TenantTables>,
  row: FactorRow,
): Promise<Buffer | undefined> {
  if (row.sealed_seed !== null) return parts.envelope.open(tx, installation, placeOf(row.id), row.sealed_seed);
  if (row.old_sealed_seed === null) return undefined;
  if (parts.accountKey === undefined)
    throw new EnvelopeError('a seed of an earlier release needs the account key: set TRUFFLE_ACCOUNT_KEY_FILE');
  return parts.accountKey.open(row.old_sealed_seed, `totp/${row.user_id}/${row.id}`);
}

export interface SeedAdoption extends SecretParts {
  /** As `svc_identity`. */
  readonly identity: Pick<Database<TenantTables>, 'anywhere'>;
}

const page = 50;

/** Seals with the data key what the account key sealed. */
export async function adoptSeeds(parts: SeedAdoption, signal: AbortSignal): Promise<Adopted> {
  let [sealed, unreadable, last] = [0, 0, ''];
  while (!signal.aborted) {
    const rows = await parts.identity.anywhere(async (tx) => {
      const found = await readOldSeeds(tx, last, page);
      for (const row of found) {
        const seed = await openSeed(parts, tx, row).catch(() => undefined);
        if (seed === undefined) unreadable++;
        else await setSeed(tx, row.id, await sealSeed(parts, tx, row.id, seed));
      }
      return found;
    });
    sealed += rows.length;
    if (rows.length < page) break;
    last = rows.at(-1)?.id ?? last;
  }
  return { sealed: sealed - unreadable, unreadable };
}
