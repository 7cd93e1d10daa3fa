import { createDecipheriv } from 'node:crypto';
import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import type { Database, Transaction } from '@truffle/database';
import type { Envelope } from '@truffle/envelope';
import type { Adopted } from '../secret/secret.adoption.ts';
import { placeIn, sealedColumns } from '../secret/secret.columns.ts';
import type { TenantTables } from '../tables.ts';
import { findStream, readOldStreams, setStreamSecrets, type AuditStreamRow } from './audit-stream.repo.ts';

/** A stream's secret does not open: its row was changed, or the key is another. */
export class StreamSecretError extends Error {
  override readonly name = 'StreamSecretError';
  readonly code = 'STREAM_SECRET';
}

/** What seals and opens streams' secrets. */
export interface StreamSecrets {
  readonly envelope: Envelope;
  /** What sealed webhooks' secrets before data keys did: a key that follows from the audit key. It only opens. */
  readonly oldKey: Buffer;
}

type Tx = Transaction<TenantTables>;

/** What of a stream is not for everybody who reads the database. */
export interface StreamTarget {
  readonly address: string;
  /** Empty for syslog, which is not signed. */
  readonly secret: string;
}

const ivBytes = 12;
const tagBytes = 16;

/** The columns of a stream's target: a webhook's path may be a secret, so only its origin stands in clear. */
export async function sealTarget(
  { envelope }: Pick<StreamSecrets, 'envelope'>,
  tx: Tx,
  { org_id, id, kind }: Pick<AuditStreamRow, 'org_id' | 'id' | 'kind'>,
  { address, secret }: StreamTarget,
): Promise<Pick<AuditStreamRow, 'address' | 'sealed_address' | 'sealed_secret'>> {
  if (kind !== AuditStreamKind.WEBHOOK) return { address, sealed_address: null, sealed_secret: null };
  return {
    address: new URL(address).origin,
    sealed_address: await envelope.seal(tx, org_id, placeIn(sealedColumns.streamAddress, id), address),
    sealed_secret: await envelope.seal(tx, org_id, placeIn(sealedColumns.streamSecret, id), secret),
  };
}

/** @param tx of the stream's organization. @throws EnvelopeError, StreamSecretError */
export async function openTarget(secrets: StreamSecrets, tx: Tx, row: AuditStreamRow): Promise<StreamTarget> {
  return { address: await openAddress(secrets, tx, row), secret: await openSecret(secrets, tx, row) };
}

/** The row with its whole address. @param tx of the stream's organization */
export const withAddress = async (
  secrets: Pick<StreamSecrets, 'envelope'>,
  tx: Tx,
  row: AuditStreamRow,
): Promise<AuditStreamRow> => ({ ...row, address: await openAddress(secrets, tx, row) });

async function openAddress(
  { envelope }: Pick<StreamSecrets, 'envelope'>,
  tx: Tx,
  { org_id, id, address, sealed_address }: AuditStreamRow,
): Promise<string> {
  if (sealed_address === null) return address;
  return (await envelope.open(tx, org_id, placeIn(sealedColumns.streamAddress, id), sealed_address)).toString();
}

async function openSecret({ envelope, oldKey }: StreamSecrets, tx: Tx, row: AuditStreamRow): Promise<string> {
  if (row.sealed_secret !== null) {
    const place = placeIn(sealedColumns.streamSecret, row.id);
    return (await envelope.open(tx, row.org_id, place, row.sealed_secret)).toString();
  }
  return row.old_sealed_secret === null ? '' : openOld(oldKey, row.id, row.old_sealed_secret);
}

/** AES-256-GCM: nonce, tag, ciphertext. */
function openOld(key: Buffer, streamId: string, sealed: Buffer): string {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes), { authTagLength: tagBytes })
      .setAAD(Buffer.from(streamId))
      .setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
    return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new StreamSecretError('the secret of the stream does not open with the audit key; make the stream anew', {
      cause,
    });
  }
}

export interface StreamAdoption extends StreamSecrets {
  /** As `svc_ledger_keeper`, which sees every organization's streams. */
  readonly keeper: Pick<Database<TenantTables>, 'anywhere'>;
  /** As `svc_tenant`. */
  readonly tenants: Pick<Database<TenantTables>, 'tenant'>;
}

const page = 50;

/** Seals with their organizations' data keys what a key of the audit key's sealed, and webhooks' addresses that stand in clear. */
export async function adoptStreams(parts: StreamAdoption, signal: AbortSignal): Promise<Adopted> {
  let [sealed, unreadable, last] = [0, 0, ''];
  while (!signal.aborted) {
    const rows = await parts.keeper.anywhere((tx) => readOldStreams(tx, last, page));
    for (const { org_id, id } of rows) {
      const done = await parts.tenants.tenant(org_id, async (tx) => {
        const row = await findStream(tx, id);
        if (row === undefined || row.old_sealed_secret === null) return true;
        const target = await openTarget(parts, tx, row).catch(() => undefined);
        if (target !== undefined) await setStreamSecrets(tx, id, await sealTarget(parts, tx, row, target));
        return target !== undefined;
      });
      if (done) sealed++;
      else unreadable++;
    }
    if (rows.length < page) break;
    last = rows.at(-1)?.id ?? last;
  }
  return { sealed, unreadable };
}
