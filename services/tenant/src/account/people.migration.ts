import { allowEverywhere, tenantTable } from '@truffle/database';

/**
 * What people's accounts need beyond a password. Only `svc_identity` reads any of it but invitations, which are an organization's; the
 * tenant service's other role may only put a mail into the outbox.
 */
export const peopleMigration = `
  alter table tenant.user add email_verified_at timestamptz;
  -- Whoever installed this control plane reads what goes to it.
  update tenant.user set email_verified_at = created_at where id = (select id from tenant.user order by created_at, id limit 1);
  alter table tenant.session add address text not null default '', add user_agent text not null default '', add authenticated_at timestamptz;
  update tenant.session set authenticated_at = created_at;
  alter table tenant.session alter authenticated_at set not null;
  create index session_by_user on tenant.session (user_id, id);
  create index session_expiry on tenant.session (expires_at);
  alter table tenant.organization add second_factor_required boolean not null default false;

  -- Sign-ups that wait for their address to be verified. Nothing says whether the address has an account.
  create table tenant.sign_up (
    id text primary key,
    email text not null check (email = lower(email)),
    name text not null,
    password_hash text not null,
    org_name text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
  );
  create index sign_up_of_email on tenant.sign_up (email, created_at);
  create index sign_up_expiry on tenant.sign_up (expires_at);

  -- Links that went out by mail, by the digest of their token; a link that was used is gone.
  create table tenant.link (
    sha256 bytea primary key,
    kind text not null,
    subject text not null,
    email text not null,
    mail_id text not null unique,
    created_at timestamptz not null,
    expires_at timestamptz not null
  );
  create index link_of_subject on tenant.link (subject);
  create index link_expiry on tenant.link (expires_at);

  -- The outbox of mails. Texts and links are made when one is sent.
  create table tenant.mail (
    id text primary key,
    kind text not null,
    email text not null,
    subject text not null,
    parameters jsonb not null,
    created_at timestamptz not null,
    attempts integer not null default 0,
    next_at timestamptz not null,
    ended_at timestamptz,
    outcome text
  );
  create index mail_due on tenant.mail (next_at) where ended_at is null;
  create index mail_ended on tenant.mail (ended_at) where ended_at is not null;

  create table tenant.factor (
    id text primary key,
    user_id text not null references tenant.user,
    kind smallint not null check (kind in (1, 2)),
    name text not null,
    -- Of an authenticator app: the sealed seed, and the last time step that a code was taken for.
    sealed_seed bytea,
    last_step bigint not null default 0,
    -- Of a passkey.
    credential_id text unique,
    public_key bytea,
    counter bigint not null default 0,
    transports text[] not null default '{}',
    created_at timestamptz not null,
    confirmed_at timestamptz,
    last_used_at timestamptz
  );
  create index factor_of_user on tenant.factor (user_id);
  create table tenant.recovery_code (
    user_id text not null references tenant.user,
    sha256 bytea not null,
    primary key (user_id, sha256)
  );
  create table tenant.challenge (
    sha256 bytea primary key,
    kind text not null,
    user_id text,
    session_id text,
    webauthn text not null,
    name text not null default '',
    attempts integer not null default 0,
    created_at timestamptz not null,
    expires_at timestamptz not null
  );
  create index challenge_expiry on tenant.challenge (expires_at);

  create table tenant.invitation (
    org_id text not null references tenant.organization,
    id text not null,
    email text not null check (email = lower(email)),
    role smallint not null check (role between 1 and 4),
    scope_id text not null,
    workspace_id text,
    project_id text,
    invited_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    accepted_at timestamptz,
    revoked_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, workspace_id) references tenant.workspace (org_id, id),
    foreign key (org_id, project_id) references tenant.project (org_id, id)
  );
  create unique index invitation_open on tenant.invitation (org_id, email, scope_id) where accepted_at is null and revoked_at is null;
  ${tenantTable('tenant.invitation', 'svc_tenant', 'select, insert, update')}
  ${allowEverywhere('tenant.invitation', 'svc_identity', 'select')}
  ${allowEverywhere('tenant.invitation', 'svc_identity', 'update', 'update (accepted_at)')}

  grant update (email, email_verified_at) on tenant.user to svc_identity;
  grant update (authenticated_at) on tenant.session to svc_identity;
  grant select, insert, delete on tenant.sign_up, tenant.link, tenant.recovery_code to svc_identity;
  grant select, insert, update, delete on tenant.mail, tenant.factor, tenant.challenge to svc_identity;
  grant insert on tenant.mail to svc_tenant;`;
