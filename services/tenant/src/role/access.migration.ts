import { allowEverywhere, tenantTable } from '@truffle/database';

const readEverywhere = (table: string): string => allowEverywhere(`tenant.${table}`, 'svc_identity', 'select');

/** Custom roles, groups, service accounts; bindings that deny, have times or stand at one resource; keys of service accounts. */
export const accessMigration = `
  create table tenant.role (
    org_id text not null references tenant.organization,
    id text not null,
    name text not null,
    description text not null,
    permissions text[] not null check (cardinality(permissions) between 1 and 200),
    revision bigint not null default 1,
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, name)
  );
  create table tenant.service_account (
    org_id text not null references tenant.organization,
    id text not null,
    name text not null,
    description text not null,
    disabled boolean not null default false,
    revision bigint not null default 1,
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, name)
  );
  create table tenant.member_group (
    org_id text not null references tenant.organization,
    id text not null,
    name text not null,
    description text not null,
    revision bigint not null default 1,
    created_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, name)
  );
  create table tenant.group_member (
    org_id text not null,
    group_id text not null,
    subject text not null,
    added_at timestamptz not null,
    primary key (org_id, group_id, subject),
    foreign key (org_id, group_id) references tenant.member_group (org_id, id) on delete cascade
  );
  create index group_of_subject on tenant.group_member (subject);

  alter table tenant.role_binding
    drop constraint role_binding_role_check,
    add check (role between 0 and 5),
    add column role_id text,
    add column effect smallint not null default 1 check (effect in (1, 2)),
    add column starts_at timestamptz,
    add column expires_at timestamptz,
    -- A subject has one standing role at a place, and beside it one for each slot: what denies or has times.
    add column slot text not null default 'standing',
    add check ((role = 0) = (role_id is not null)),
    add check (starts_at < expires_at),
    add foreign key (org_id, role_id) references tenant.role (org_id, id),
    drop constraint role_binding_org_id_subject_scope_id_key,
    add unique (org_id, subject, scope_id, slot);
  create index role_binding_of_role on tenant.role_binding (org_id, role_id) where role_id is not null;

  alter table tenant.api_key
    drop constraint api_key_role_check,
    add check (role between 0 and 5),
    add column service_account_id text,
    add column permissions text[] not null default '{}',
    add column scope_ids text[] not null default '{}',
    add column last_used_address text,
    add column previous_hint text,
    add column previous_sha256 bytea unique,
    add column previous_until timestamptz,
    add check ((role = 0) = (service_account_id is not null)),
    add foreign key (org_id, service_account_id) references tenant.service_account (org_id, id) on delete cascade;
  create index api_key_of_service_account on tenant.api_key (org_id, service_account_id) where service_account_id is not null;
  grant update (last_used_address) on tenant.api_key to svc_identity;

  alter table tenant.invitation
    drop constraint invitation_role_check,
    add check (role between 1 and 5);

  ${['role', 'service_account', 'member_group', 'group_member'].map((table) => tenantTable(`tenant.${table}`, 'svc_tenant')).join('\n')}
  ${['role', 'service_account', 'member_group', 'group_member'].map(readEverywhere).join('\n')}`;
