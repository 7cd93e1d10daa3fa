import { tenantTable } from '@truffle/database';

/** Which version agents are to have, and how updates to it ended. */
export const rolloutMigrations: Readonly<Record<string, string>> = {
  '012_rollout': `
    create table agent_gateway.rollout (
      org_id text not null,
      version text not null check (length(version) between 1 and 64),
      percent integer not null check (percent between 0 and 100),
      state text not null check (state in ('ACTIVE', 'PAUSED', 'HALTED')),
      reason text not null default '',
      failure_limit_percent integer not null check (failure_limit_percent between 1 and 100),
      revision bigint not null,
      changed_at timestamptz not null default now(),
      primary key (org_id)
    );
    ${tenantTable('agent_gateway.rollout', 'svc_agent_gateway', 'select, insert, update')}
    create table agent_gateway.agent_update (
      org_id text not null,
      agent_id text not null,
      from_version text not null check (length(from_version) <= 64),
      to_version text not null check (length(to_version) <= 64),
      outcome text not null check (outcome in ('UPDATED', 'ROLLED_BACK', 'UNPROVEN', 'REFUSED')),
      reason text not null check (length(reason) <= 500),
      ended_at timestamptz not null,
      told_at timestamptz not null default now(),
      primary key (org_id, agent_id, ended_at),
      foreign key (org_id, agent_id) references agent_gateway.agent (org_id, id)
    );
    create index agent_update_newest on agent_gateway.agent_update (org_id, told_at, agent_id);
    ${tenantTable('agent_gateway.agent_update', 'svc_agent_gateway', 'select, insert, delete')}`,
};
