import { allowEverywhere, tenantTable, type ServiceMigrations } from '@truffle/database';
import { transitions } from './command/command.ts';
import { metricMigrations } from './metric/metric.migration.ts';
import { rolloutMigrations } from './rollout/rollout.migration.ts';
import { identityMigrations } from './migrations.identity.ts';

const moves = Object.entries(transitions)
  .flatMap(([from, to]) => to.map((next) => `'${from}>${next}'`))
  .join(', ');
const states = Object.keys(transitions)
  .map((state) => `'${state}'`)
  .join(', ');

/** The tables of agents, their sessions and their commands. */
export const agentGatewayMigrations: ServiceMigrations = {
  schema: 'agent_gateway',
  migrations: {
    '001_agent': `
      grant usage on schema agent_gateway to svc_agent_gateway, svc_agent_sweep;
      create table agent_gateway.agent (
        org_id text not null,
        id text not null,
        name text not null,
        state text not null check (state in ('ENROLLED', 'ONLINE', 'OFFLINE', 'QUARANTINED', 'REVOKED')),
        state_since timestamptz not null default now(),
        version text not null,
        region text not null,
        last_seen_at timestamptz,
        sealing_public_key bytea not null check (length(sealing_public_key) = 32),
        identity_public_key bytea not null check (length(identity_public_key) = 32),
        certificate_serial text not null,
        capabilities text[] not null default '{}',
        inventory bytea check (length(inventory) <= 204800),
        revision bigint not null default 1,
        created_at timestamptz not null default now(),
        primary key (org_id, id)
      );
      create unique index agent_name on agent_gateway.agent (org_id, name) where state <> 'REVOKED';
      create unique index agent_id on agent_gateway.agent (id);
      ${tenantTable('agent_gateway.agent', 'svc_agent_gateway', 'select, insert, update')}
      ${allowEverywhere('agent_gateway.agent', 'svc_agent_sweep', 'select', 'select (org_id, id, state, certificate_serial, last_seen_at)')}
      ${allowEverywhere('agent_gateway.agent', 'svc_agent_sweep', 'update', 'update (last_seen_at)')}

      create table agent_gateway.join_token (
        org_id text not null,
        id text not null,
        agent_name text not null,
        token_sha256 bytea not null unique check (length(token_sha256) = 32),
        created_at timestamptz not null default now(),
        expires_at timestamptz not null,
        used_at timestamptz,
        revoked_at timestamptz,
        csr_sha256 bytea,
        agent_id text,
        certificate bytea,
        primary key (org_id, id),
        foreign key (org_id, agent_id) references agent_gateway.agent (org_id, id),
        check ((used_at is null) = (csr_sha256 is null) and (used_at is null) = (agent_id is null) and (used_at is null) = (certificate is null))
      );
      ${tenantTable('agent_gateway.join_token', 'svc_agent_gateway', 'select, insert, update, delete')}
      ${allowEverywhere('agent_gateway.join_token', 'svc_agent_sweep', 'select', 'select (org_id, id, token_sha256)')}`,
    '002_session': `
      create table agent_gateway.gateway (
        id text primary key,
        lease_until timestamptz not null
      );
      alter table agent_gateway.gateway enable row level security;
      alter table agent_gateway.gateway force row level security;
      ${allowEverywhere('agent_gateway.gateway', 'svc_agent_gateway', 'select')}
      ${allowEverywhere('agent_gateway.gateway', 'svc_agent_sweep', 'select')}
      ${allowEverywhere('agent_gateway.gateway', 'svc_agent_sweep', 'insert')}
      ${allowEverywhere('agent_gateway.gateway', 'svc_agent_sweep', 'update')}
      ${allowEverywhere('agent_gateway.gateway', 'svc_agent_sweep', 'delete')}

      create table agent_gateway.agent_session (
        org_id text not null,
        agent_id text not null,
        epoch bigint not null default 0,
        session_id text,
        gateway_id text,
        open boolean not null default false,
        incarnation text,
        journal_lsn bigint not null default 0,
        continuity bytea,
        continuity_next bytea,
        primary key (org_id, agent_id),
        foreign key (org_id, agent_id) references agent_gateway.agent (org_id, id)
      );
      create index session_of_gateway on agent_gateway.agent_session (gateway_id) where open;
      ${tenantTable('agent_gateway.agent_session', 'svc_agent_gateway', 'select, insert, update')}
      ${allowEverywhere('agent_gateway.agent_session', 'svc_agent_sweep', 'select', 'select (org_id, agent_id, epoch, gateway_id, open)')}`,
    '003_command': `
      create table agent_gateway.command (
        org_id text not null,
        id text not null,
        n bigint generated always as identity,
        agent_id text not null,
        resource_key text not null,
        fence bigint not null,
        op text not null,
        payload bytea not null,
        payload_sha256 bytea not null check (length(payload_sha256) = 32),
        needs_permit boolean not null,
        start_by timestamptz not null,
        run_timeout_ms bigint not null check (run_timeout_ms > 0),
        operation_id text not null,
        workflow_id text not null,
        server_id text not null,
        step_key text not null,
        traceparent text not null,
        enqueued_at timestamptz not null default now(),
        state text not null default 'QUEUED' check (state in (${states})),
        permit_no int not null default 0 check (permit_no in (0, 1)),
        cancel_requested boolean not null default false,
        incarnation text,
        started_at timestamptz,
        ended_at timestamptz,
        run_until timestamptz,
        effect text not null default 'UNSPECIFIED' check (effect in ('UNSPECIFIED', 'NONE', 'PARTIAL', 'FULL')),
        failure bytea,
        output bytea,
        result_sha256 bytea,
        late_result bytea,
        progress_n bigint not null default 0,
        detail text not null default '',
        primary key (org_id, id),
        foreign key (org_id, agent_id) references agent_gateway.agent (org_id, id),
        constraint permitted check (not needs_permit or permit_no = 1 or state not in ('RUNNING', 'SUCCEEDED', 'UNKNOWN', 'ABANDONED')),
        constraint no_effect check (state not in ('QUEUED', 'DISPATCHED', 'ACCEPTED', 'REJECTED', 'EXPIRED') or permit_no = 0),
        constraint ended check ((ended_at is not null) = (state in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'ABANDONED'))),
        constraint run_lease check ((run_until is not null) = (state = 'RUNNING'))
      );
      create unique index one_active_per_resource on agent_gateway.command (org_id, resource_key) where needs_permit and state in ('RUNNING', 'UNKNOWN');
      create index command_queued on agent_gateway.command (org_id, agent_id, n) where state = 'QUEUED';
      create index command_open on agent_gateway.command (org_id, agent_id) where state in ('QUEUED', 'DISPATCHED', 'ACCEPTED', 'RUNNING', 'UNKNOWN');
      create index command_waiting on agent_gateway.command (start_by) where state in ('QUEUED', 'DISPATCHED', 'ACCEPTED');
      create index command_running on agent_gateway.command (run_until) where state = 'RUNNING';
      create function agent_gateway.keep_command() returns trigger language plpgsql as $$
      begin
        if new.state <> old.state and (old.state || '>' || new.state) not in (${moves}) then
          raise exception 'a command does not go from % to %', old.state, new.state using errcode = 'TF409';
        end if;
        if old.ended_at is not null and (to_jsonb(new) - 'late_result') is distinct from (to_jsonb(old) - 'late_result') then
          raise exception 'an ended command stays as it is' using errcode = 'TF409';
        end if;
        if new.permit_no < old.permit_no or (old.permit_no = 1 and new.state = 'QUEUED') then
          raise exception 'a permit is not taken back' using errcode = 'TF409';
        end if;
        return new;
      end $$;
      create trigger keep before update on agent_gateway.command for each row execute function agent_gateway.keep_command();
      ${tenantTable('agent_gateway.command', 'svc_agent_gateway', 'select, insert, update')}
      ${allowEverywhere('agent_gateway.command', 'svc_agent_sweep', 'select', 'select (org_id, id, agent_id, state, cancel_requested, start_by, run_until)')}`,
    '004_command_log': `
      create table agent_gateway.command_log (
        org_id text not null,
        id bigint generated always as identity,
        txid xid8 not null default pg_current_xact_id(),
        operation_id text not null,
        command_id text not null,
        server_id text not null,
        step_key text not null,
        n bigint not null,
        stream text not null,
        text text not null check (length(text) <= 8192),
        time timestamptz not null,
        primary key (org_id, id),
        unique (org_id, command_id, n)
      );
      create index command_log_of_operation on agent_gateway.command_log (org_id, operation_id, txid, id);
      ${tenantTable('agent_gateway.command_log', 'svc_agent_gateway', 'select, insert')}`,
    // Each change of a command writes into every index that its state is in: fewer of them is what makes a command cheap.
    '005_command_indexes': `
      drop index agent_gateway.command_queued;
      drop index agent_gateway.command_waiting;
      drop index agent_gateway.command_running;
      drop index agent_gateway.command_open;
      create index command_open on agent_gateway.command (org_id, agent_id, n)
        where state in ('QUEUED', 'DISPATCHED', 'ACCEPTED', 'RUNNING', 'UNKNOWN');
      create index command_due on agent_gateway.command (coalesce(run_until, start_by))
        where state in ('QUEUED', 'DISPATCHED', 'ACCEPTED', 'RUNNING');`,
    '006_command_signature': `
      alter table agent_gateway.command
        add column signature bytea not null default '' check (length(signature) in (0, 64)),
        add column key_id text not null default '';`,
    ...identityMigrations,
    ...metricMigrations,
    ...rolloutMigrations,
  },
};
