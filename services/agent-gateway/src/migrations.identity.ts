import { tenantTable } from '@truffle/database';

/** What an agent's identity needs beside its first certificate: the next one, recoveries, quarantine, approval. */
export const identityMigrations: Readonly<Record<string, string>> = {
  '007_identity': `
    alter table agent_gateway.agent drop constraint agent_state_check;
    alter table agent_gateway.agent add constraint agent_state_check
      check (state in ('ENROLLED', 'ONLINE', 'OFFLINE', 'QUARANTINED', 'REVOKED', 'PENDING_APPROVAL'));
    alter table agent_gateway.agent
      add column certificate_ends timestamptz,
      add column next_serial text,
      add column next_csr_sha256 bytea check (length(next_csr_sha256) = 32),
      add column next_certificate bytea,
      add column next_ends timestamptz,
      add column next_issued_at timestamptz,
      add column recoveries timestamptz[] not null default '{}',
      add column recovery_refused_at timestamptz,
      add column enrolment_words text,
      add constraint next_certificate_whole check (
        (next_serial is null) = (next_csr_sha256 is null) and (next_serial is null) = (next_certificate is null) and (next_serial is null) = (next_ends is null)
      );
    grant select (next_serial) on agent_gateway.agent to svc_agent_sweep;
    alter table agent_gateway.join_token add column require_approval boolean not null default false;
    alter table agent_gateway.agent_session add column denied text[] not null default '{}';
    create table agent_gateway.quarantine (
      org_id text not null,
      agent_id text not null,
      since timestamptz not null default now(),
      reason text not null,
      message text not null,
      other_incarnation text,
      other_lsn bigint,
      other_continuity bytea check (length(other_continuity) in (0, 32)),
      primary key (org_id, agent_id),
      foreign key (org_id, agent_id) references agent_gateway.agent (org_id, id),
      constraint other_whole check (
        (other_incarnation is null) = (other_lsn is null) and (other_incarnation is null) = (other_continuity is null)
      )
    );
    ${tenantTable('agent_gateway.quarantine', 'svc_agent_gateway', 'select, insert, update, delete')}`,
  '008_sealing_key': `
    create table agent_gateway.sealing_key (
      org_id text not null,
      agent_id text not null,
      n bigint not null check (n > 0),
      public_key bytea not null check (length(public_key) = 32),
      identity_public_key bytea not null check (length(identity_public_key) = 32),
      previous_sha256 bytea not null check (length(previous_sha256) = case when n = 1 then 0 else 32 end),
      signature bytea not null check (length(signature) = 64),
      created_at timestamptz not null default now(),
      primary key (org_id, agent_id, n),
      foreign key (org_id, agent_id) references agent_gateway.agent (org_id, id)
    );
    ${tenantTable('agent_gateway.sealing_key', 'svc_agent_gateway', 'select, insert')}`,
  // So that the fleet's quarantined agents are counted without looking at the others.
  '009_quarantined': `
    create index agent_quarantined on agent_gateway.agent (id) where state = 'QUARANTINED';`,
  '010_session_changed': `
    alter table agent_gateway.agent_session add column changed_at timestamptz not null default now();`,
  // One for each order of the list of agents, with the tie-breaker.
  '011_agent_orders': `
    create index agent_by_state on agent_gateway.agent (org_id, state, id) where state <> 'REVOKED';
    create index agent_by_version on agent_gateway.agent (org_id, version, id) where state <> 'REVOKED';`,
};
