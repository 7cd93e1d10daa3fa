import { allowEverywhere, tenantTable } from '@truffle/database';

/** Streams of the audit trail. The keeper of the trail sends them, organization by organization, and moves their cursors. */
export const auditStreamMigration = `
  create table tenant.audit_stream (
    org_id text not null references tenant.organization,
    id text not null,
    name text not null,
    kind smallint not null check (kind between 1 and 3),
    address text not null,
    ca_pem text not null,
    secret_sealed bytea,
    disabled_at timestamptz,
    cursor_n bigint not null,
    failures integer not null default 0,
    failing_since timestamptz,
    next_try_at timestamptz not null default now(),
    last_error text not null default '',
    last_delivered_at timestamptz,
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, name)
  );
  create index audit_stream_due on tenant.audit_stream (next_try_at) where disabled_at is null;
  ${tenantTable('tenant.audit_stream', 'svc_tenant')}
  grant usage on schema tenant to svc_ledger_keeper;
  ${allowEverywhere('tenant.audit_stream', 'svc_ledger_keeper', 'select')}
  ${allowEverywhere(
    'tenant.audit_stream',
    'svc_ledger_keeper',
    'update',
    'update (cursor_n, failures, failing_since, next_try_at, last_error, last_delivered_at, disabled_at)',
  )}`;
