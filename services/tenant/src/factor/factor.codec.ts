import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { FactorSchema, type Factor } from '@truffle/api/tenant/v1/factor';
import type { FactorRow } from './factor.repo.ts';

export const factorMessage = (row: FactorRow): Factor =>
  create(FactorSchema, {
    id: row.id,
    kind: row.kind,
    name: row.name,
    createdAt: timestampFromDate(row.created_at),
    ...(row.last_used_at === null ? {} : { lastUsedAt: timestampFromDate(row.last_used_at) }),
  });
