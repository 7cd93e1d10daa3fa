import { create } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Checkpoint } from '@truffle/audit';
import {
  AuditChangeSchema,
  AuditCheckpointSchema,
  AuditRecordSchema,
  type AuditCheckpoint,
  type AuditFilter,
  type AuditRecord,
} from '@truffle/api/tenant/v1/audit';
import { eventMessage } from '../event/event.codec.ts';
import { changesOf } from './audit.change.ts';
import type { FullRecord, RecordFilter } from './audit.repo.ts';

export const recordMessage = ({ record, hash, personal }: FullRecord): AuditRecord =>
  create(AuditRecordSchema, {
    event: eventMessage({ ...record, actor_name: personal?.name ?? null }),
    address: personal?.address ?? '',
    userAgent: personal?.user_agent ?? '',
    hash,
    erased: record.person !== null && personal === null,
    changes: changesOf(record.data).map((change) => create(AuditChangeSchema, change)),
  });

export const checkpointMessage = (checkpoint: Checkpoint): AuditCheckpoint =>
  create(AuditCheckpointSchema, {
    kind: checkpoint.kind,
    n: BigInt(checkpoint.n),
    hash: Buffer.from(checkpoint.hash, 'hex'),
    at: checkpoint.at,
    keyId: checkpoint.key_id,
    signature: checkpoint.signature,
  });

/** Undefined when it lets everything through. */
export function filterOf(filter: AuditFilter | undefined): RecordFilter | undefined {
  if (filter === undefined) return undefined;
  const { actor, action, resourceId, projectId, result, address } = filter;
  const from = filter.from && timestampDate(filter.from);
  const until = filter.until && timestampDate(filter.until);
  const texts = { actor, action, resourceId, projectId, result, address };
  const isEmpty = Object.values(texts).every((text) => text === '') && from === undefined && until === undefined;
  return isEmpty ? undefined : { ...texts, from, until };
}
