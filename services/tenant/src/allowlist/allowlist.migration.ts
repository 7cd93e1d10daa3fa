import { allowEverywhere, tenantTable } from '@truffle/database';

/** `svc_identity` reads them all: a rule is in force before a tenant is known, and gateways ask for those of every tenant. */
export const allowlistMigration = `
  create table tenant.allowlist (
    org_id text primary key references tenant.organization,
    sessions jsonb not null,
    api_keys jsonb not null,
    agents jsonb not null,
    revision bigint not null,
    changed_at timestamptz not null default now()
  );
  create index allowlist_changed on tenant.allowlist (changed_at);
  ${tenantTable('tenant.allowlist', 'svc_tenant', 'select, insert, update')}
  ${allowEverywhere('tenant.allowlist', 'svc_identity', 'select')}`;
