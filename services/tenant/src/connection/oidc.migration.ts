import { allowEverywhere, tenantTable } from '@truffle/database';

/** Connections, domains, linked identities, sign-ins under way, device sign-ins, trusts and their tokens. */
export const oidcMigration = `
  create table tenant.connection (
    org_id text not null references tenant.organization,
    id text not null,
    name text not null,
    issuer text not null,
    client_id text not null,
    sealed_secret bytea,
    scopes text[] not null,
    mappings jsonb not null,
    enabled boolean not null default true,
    bearer boolean not null default false,
    revision bigint not null default 1,
    created_at timestamptz not null,
    primary key (org_id, id)
  );
  create unique index connection_id on tenant.connection (id);
  create table tenant.domain (
    org_id text not null,
    domain text not null check (domain = lower(domain)),
    connection_id text not null,
    token text not null,
    verified_at timestamptz,
    required boolean not null default false,
    created_at timestamptz not null,
    primary key (org_id, domain),
    foreign key (org_id, connection_id) references tenant.connection (org_id, id) on delete cascade
  );
  -- A domain is proven by one organization at a time. Only who just proved it learns that another one had.
  create unique index domain_verified on tenant.domain (domain) where verified_at is not null;
  create table tenant.linked_identity (
    org_id text not null,
    id text not null,
    connection_id text not null,
    issuer text not null,
    subject text not null,
    user_id text not null,
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, connection_id, issuer, subject),
    foreign key (org_id, connection_id) references tenant.connection (org_id, id) on delete cascade
  );
  create index linked_identity_of_user on tenant.linked_identity (user_id, id);
  ${['connection', 'domain', 'linked_identity'].map((t) => tenantTable(`tenant.${t}`, 'svc_tenant')).join('\n')}
  ${['connection', 'domain', 'linked_identity'].map((t) => allowEverywhere(`tenant.${t}`, 'svc_identity', 'select')).join('\n')}
  create policy identity_write on tenant.linked_identity for all to svc_identity
    using (org_id = (select ctx.org())) with check (org_id = (select ctx.org()));
  grant insert, update (last_used_at, connection_id), delete on tenant.linked_identity to svc_identity;

  -- Bindings that a connection's claims gave, and that it takes away again.
  alter table tenant.role_binding add connection_id text;
  create policy identity_update on tenant.role_binding for update to svc_identity
    using (org_id = (select ctx.org())) with check (org_id = (select ctx.org()));
  create policy identity_delete on tenant.role_binding for delete to svc_identity using (org_id = (select ctx.org()));
  grant update (role, revision), delete on tenant.role_binding to svc_identity;

  -- The organization whose connection made the account: its address was in a domain that the organization had proven.
  alter table tenant.user add made_by text;
  -- The organization that a session is for alone, and the link it was opened by; null for one that the person opened by themselves.
  alter table tenant.session add confined_to text, add connection_id text, add identity_id text;

  create table tenant.sign_in_flow (
    state_sha256 bytea primary key,
    binding_sha256 bytea not null,
    connection_id text not null,
    connection_revision bigint not null,
    -- Set for linking: who began it.
    user_id text,
    fresh boolean not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
  );
  create index sign_in_flow_expiry on tenant.sign_in_flow (expires_at);
  grant select, insert, delete on tenant.sign_in_flow to svc_identity;

  create table tenant.device_login (
    device_sha256 bytea primary key,
    user_code_sha256 bytea not null unique,
    address text not null,
    user_agent text not null,
    interval_seconds integer not null,
    polled_at timestamptz,
    user_id text references tenant.user,
    confined_to text,
    connection_id text,
    identity_id text,
    authenticated_at timestamptz,
    state smallint not null default 0 check (state between 0 and 2),
    created_at timestamptz not null,
    expires_at timestamptz not null
  );
  create index device_login_expiry on tenant.device_login (expires_at);
  grant select, insert, update, delete on tenant.device_login to svc_identity;

  create table tenant.trust (
    org_id text not null references tenant.organization,
    id text not null,
    name text not null,
    issuer text not null,
    audience text not null,
    conditions jsonb not null,
    role smallint not null check (role between 1 and 3),
    scope_id text not null,
    workspace_id text,
    project_id text,
    lifetime_seconds integer not null check (lifetime_seconds between 60 and 3600),
    made_by text not null,
    created_at timestamptz not null,
    revoked_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, workspace_id) references tenant.workspace (org_id, id),
    foreign key (org_id, project_id) references tenant.project (org_id, id)
  );
  create unique index trust_id on tenant.trust (id);
  create table tenant.workload_token (
    org_id text not null,
    id text not null,
    trust_id text not null,
    subject text not null,
    secret_sha256 bytea not null unique,
    address text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, trust_id) references tenant.trust (org_id, id)
  );
  create index workload_token_of_trust on tenant.workload_token (org_id, trust_id, id);
  create index workload_token_expiry on tenant.workload_token (expires_at);
  ${['trust', 'workload_token'].map((t) => tenantTable(`tenant.${t}`, 'svc_tenant')).join('\n')}
  ${['trust', 'workload_token'].map((t) => allowEverywhere(`tenant.${t}`, 'svc_identity', 'select')).join('\n')}`;
