import { allowEverywhere, tenantTable, type ServiceMigrations } from '@truffle/database';
import { auditStreamMigration } from './audit-stream/audit-stream.migration.ts';
import { dataKeyTable, sealedColumn } from '@truffle/envelope';
import { idempotencyTable } from '@truffle/kit';
import { allowlistMigration } from './allowlist/allowlist.migration.ts';
import { erasureMigration } from './erasure/erasure.migration.ts';
import { peopleMigration } from './account/people.migration.ts';
import { accessMigration } from './role/access.migration.ts';
import { secretMigration } from './secret/secret.migration.ts';
import { memberMigration } from './member/member.migration.ts';
import { sessionTokenMigration } from './session/session.migration.ts';
import { invitedRoleMigration } from './invitation/invitation.migration.ts';
import { impersonationMigration } from './impersonation/impersonation.migration.ts';
import { trustAccountMigration } from './trust/trust.migration.ts';
import { orderMigration } from './api-key/order.migration.ts';
import { accessOrderMigration } from './trust/order.migration.ts';
import { memberOrderMigration } from './trust/token-order.migration.ts';
import { oidcMigration } from './connection/oidc.migration.ts';

const insertByIdentity = (table: string): string => `
  create policy identity_insert on ${table} for insert to svc_identity with check (org_id = (select ctx.org()));
  grant insert on ${table} to svc_identity;`;

/**
 * Schema `tenant`. `svc_tenant` sees one organization's rows; `svc_identity` sees what it takes to find out who is calling, and makes
 * organizations with what belongs in them (under the signed setting of the new one). `user`, `session` and what belongs to them are no
 * tenant's rows: only `svc_identity` reads them.
 */
export const tenantMigrations: ServiceMigrations = {
  schema: 'tenant',
  migrations: {
    '001_tenancy': `
      grant usage on schema tenant to svc_tenant, svc_identity;
      create table tenant.organization (
        org_id text primary key,
        name text not null unique,
        title text not null,
        home_region text not null,
        protected boolean not null default false,
        revision bigint not null default 1,
        created_at timestamptz not null,
        deleted_at timestamptz
      );
      create table tenant.workspace (
        org_id text not null references tenant.organization,
        id text not null,
        name text not null,
        protected boolean not null default false,
        revision bigint not null default 1,
        created_at timestamptz not null,
        deleted_at timestamptz,
        primary key (org_id, id)
      );
      create unique index workspace_name on tenant.workspace (org_id, name) where deleted_at is null;
      create table tenant.project (
        org_id text not null,
        id text not null,
        workspace_id text not null,
        name text not null,
        -- The request that holds its place in the quota; null for an organization's first project, which needs none.
        quota_holder text,
        protected boolean not null default false,
        revision bigint not null default 1,
        created_at timestamptz not null,
        deleted_at timestamptz,
        primary key (org_id, id),
        foreign key (org_id, workspace_id) references tenant.workspace (org_id, id)
      );
      create unique index project_name on tenant.project (org_id, name) where deleted_at is null;
      create index project_of_workspace on tenant.project (org_id, workspace_id) where deleted_at is null;
      create table tenant.role_binding (
        org_id text not null references tenant.organization,
        id text not null,
        subject text not null,
        role smallint not null check (role between 1 and 4),
        scope_id text not null,
        workspace_id text,
        project_id text,
        quota_holder text,
        revision bigint not null default 1,
        created_at timestamptz not null,
        primary key (org_id, id),
        unique (org_id, subject, scope_id),
        foreign key (org_id, workspace_id) references tenant.workspace (org_id, id),
        foreign key (org_id, project_id) references tenant.project (org_id, id)
      );
      create index role_binding_of_subject on tenant.role_binding (subject);
      create table tenant.api_key (
        org_id text not null references tenant.organization,
        id text not null,
        name text not null,
        role smallint not null check (role between 1 and 4),
        scope_id text not null,
        workspace_id text,
        project_id text,
        hint text not null,
        secret_sha256 bytea not null unique,
        made_by text not null,
        quota_holder text not null,
        created_at timestamptz not null,
        expires_at timestamptz,
        last_used_at timestamptz,
        revoked_at timestamptz,
        primary key (org_id, id),
        foreign key (org_id, workspace_id) references tenant.workspace (org_id, id),
        foreign key (org_id, project_id) references tenant.project (org_id, id)
      );
      ${idempotencyTable('tenant')}
      ${['organization', 'workspace', 'project', 'role_binding', 'api_key', 'idempotency'].map((t) => tenantTable(`tenant.${t}`, 'svc_tenant')).join('\n')}
      ${['organization', 'workspace', 'project', 'role_binding'].map((t) => insertByIdentity(`tenant.${t}`)).join('\n')}
      ${allowEverywhere('tenant.organization', 'svc_identity', 'select')}
      ${allowEverywhere('tenant.role_binding', 'svc_identity', 'select')}
      ${allowEverywhere('tenant.api_key', 'svc_identity', 'select')}
      ${allowEverywhere('tenant.api_key', 'svc_identity', 'update', 'update (last_used_at)')}`,
    '002_account': `
      create table tenant.user (
        id text primary key,
        email text not null unique check (email = lower(email)),
        name text not null,
        locale text not null,
        password_hash text not null,
        -- Where what the person does with the account itself is recorded.
        home_org_id text not null,
        created_at timestamptz not null
      );
      create table tenant.session (
        id text primary key,
        user_id text not null references tenant.user,
        secret_sha256 bytea not null unique,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        last_seen_at timestamptz not null,
        ended_at timestamptz
      );
      create index session_of_user on tenant.session (user_id) where ended_at is null;
      create table tenant.sign_in_attempt (
        name text primary key,
        failures integer not null,
        since timestamptz not null
      );
      grant select, insert, update (name, locale, password_hash) on tenant.user to svc_identity;
      grant select, insert, update (last_seen_at, ended_at), delete on tenant.session to svc_identity;
      grant select, insert, update, delete on tenant.sign_in_attempt to svc_identity;`,
    '004_allowlist': allowlistMigration,
    '005_envelope': dataKeyTable('tenant', 'svc_tenant', 'svc_identity'),
    '006_people': peopleMigration,
    '007_audit': auditStreamMigration,
    '010_secret': secretMigration,
    '011_erasure': erasureMigration,
    '009_access': accessMigration,
    '008_oidc': `${oidcMigration}
      ${sealedColumn({ table: 'tenant.connection', column: 'sealed_secret', id: 'id', owner: 'org_id' })}`,
    '010_trust_account': trustAccountMigration,
    '011_impersonation': impersonationMigration,
    '012_invited_role': invitedRoleMigration,
    '013_orders': orderMigration,
    '014_session_token': sessionTokenMigration,
    '015_member': memberMigration,
    '016_access_orders': accessOrderMigration,
    '017_member_orders': memberOrderMigration,
  },
};
