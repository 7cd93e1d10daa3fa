import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { ConnectionSchema, DomainSchema, type Connection, type Domain } from '@truffle/api/tenant/v1/connection';
import type { ConnectionRow } from './connection.repo.ts';
import type { DomainRow } from './domain.repo.ts';
import { recordOf } from './domain.usecases.ts';

export const connectionMessage = (row: ConnectionRow, redirectUri: string): Connection =>
  create(ConnectionSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    issuer: row.issuer,
    clientId: row.client_id,
    hasClientSecret: row.sealed_secret !== null,
    scopes: row.scopes,
    mappings: row.mappings.map((m) => ({ ...m })),
    enabled: row.enabled,
    bearer: row.bearer,
    redirectUri,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
  });

export const domainMessage = (row: DomainRow): Domain =>
  create(DomainSchema, {
    domain: row.domain,
    orgId: row.org_id,
    connectionId: row.connection_id,
    recordName: recordOf(row).name,
    recordValue: recordOf(row).value,
    required: row.required,
    createdAt: timestampFromDate(row.created_at),
    ...(row.verified_at === null ? {} : { verifiedAt: timestampFromDate(row.verified_at) }),
  });
