import { tenantTable, type ServiceMigrations } from '@truffle/database';

/** Schema `billing`; all rows are tenants'. */
export const billingMigrations: ServiceMigrations = {
  schema: 'billing',
  migrations: {
    '001_billing': `
      grant usage on schema billing to svc_billing;
      create table billing.subscription (
        org_id text primary key,
        plan text not null,
        revision bigint not null default 1,
        created_at timestamptz not null default now()
      );
      create table billing.quota_hold (
        org_id text not null,
        quota text not null,
        holder text not null,
        amount bigint not null check (amount > 0),
        created_at timestamptz not null default now(),
        primary key (org_id, quota, holder)
      );
      create table billing.usage_fact (
        org_id text not null,
        id text not null,
        meter text not null,
        quantity double precision not null check (quantity >= 0),
        window_start timestamptz not null,
        window_end timestamptz not null,
        resource_id text not null,
        project_id text,
        source_event_id text not null,
        primary key (org_id, id),
        unique (org_id, source_event_id),
        check (window_start <= window_end or quantity = 0)
      );
      create table billing.metered_server (
        org_id text not null,
        server_id text not null,
        ready_at timestamptz,
        deleted_at timestamptz,
        deleted_event_id text,
        primary key (org_id, server_id),
        check ((deleted_at is null) = (deleted_event_id is null))
      );
      ${tenantTable('billing.subscription', 'svc_billing', 'select, insert, update')}
      ${tenantTable('billing.quota_hold', 'svc_billing')}
      ${tenantTable('billing.usage_fact', 'svc_billing', 'select, insert')}
      ${tenantTable('billing.metered_server', 'svc_billing', 'select, insert, update')}`,
  },
};
