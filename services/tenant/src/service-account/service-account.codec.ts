import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { ServiceAccountSchema, type ServiceAccount } from '@truffle/api/tenant/v1/service_account';
import type { ServiceAccountRow } from './service-account.repo.ts';

export const serviceAccountMessage = (row: ServiceAccountRow): ServiceAccount =>
  create(ServiceAccountSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    description: row.description,
    disabled: row.disabled,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
  });
