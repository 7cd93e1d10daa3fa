import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  SyncSealingKeyResponseSchema,
  type SyncSealingKeyRequest,
  type SyncSealingKeyResponse,
} from '@truffle/api/agent/v1/certificate_service';
import { SealingKeyEntrySchema, type SealingKeyEntry } from '@truffle/api/agent/v1/sealing_key';
import { ListSealingKeysResponseSchema, type SealingKeyService } from '@truffle/api/agent/v1/sealing_key_service';
import { callerOf } from '@truffle/kit';
import type { CertificateHolder } from '../agent/certificate.usecases.ts';
import type { GatewayDatabase } from '../tables.ts';
import type { SealingKeyRow } from './sealing-key.repo.ts';
import { entryOf, listSealingKeys, syncSealingKey, type SealingKeyParts } from './sealing-key.usecases.ts';

export const sealingKeyRpc = (database: GatewayDatabase): ServiceImpl<typeof SealingKeyService> => ({
  listSealingKeys: async (request, context) => {
    const rows = await listSealingKeys(database, callerOf(context).orgId, request.agentId);
    return create(ListSealingKeysResponseSchema, { entries: rows.map(messageOf) });
  },
});

/** The agent's own look at its log, as the link's server serves it. */
export const sealingKeySync =
  (parts: SealingKeyParts) =>
  async (holder: CertificateHolder, word: SyncSealingKeyRequest): Promise<SyncSealingKeyResponse> => {
    const { newest, publishedKey, quarantined } = await syncSealingKey(parts, holder, word);
    return create(SyncSealingKeyResponseSchema, {
      publishedKey,
      quarantined,
      ...(newest === undefined ? {} : { newest: messageOf(newest) }),
    });
  };

const messageOf = (row: SealingKeyRow): SealingKeyEntry =>
  create(SealingKeyEntrySchema, { ...bytesOf(row), createdAt: timestampFromDate(row.created_at) });

function bytesOf(row: SealingKeyRow) {
  const { n, publicKey, identityPublicKey, previousSha256, signature } = entryOf(row);
  return {
    n,
    publicKey: new Uint8Array(publicKey),
    identityPublicKey: new Uint8Array(identityPublicKey),
    previousSha256: new Uint8Array(previousSha256),
    signature: new Uint8Array(signature),
  };
}
