import { allowEverywhere, tenantTable } from '@truffle/database';

/** What agents measured, and what they measured and dropped. No foreign keys: there are many rows, and they go within a week. */
export const metricMigrations: Readonly<Record<string, string>> = {
  '009_metric': `
    create table agent_gateway.metric (
      org_id text not null,
      agent_id text not null,
      resource_id text not null,
      time timestamptz not null,
      cpu_share real not null,
      memory_used_bytes bigint not null,
      disk_read_bytes bigint not null,
      disk_written_bytes bigint not null,
      network_received_bytes bigint not null,
      network_sent_bytes bigint not null,
      journal_bytes bigint not null,
      primary key (org_id, agent_id, resource_id, time)
    );
    create index metric_time on agent_gateway.metric (time);
    ${tenantTable('agent_gateway.metric', 'svc_agent_gateway', 'select, insert')}
    ${allowEverywhere('agent_gateway.metric', 'svc_agent_sweep', 'select', 'select (org_id, agent_id, resource_id, time)')}
    ${allowEverywhere('agent_gateway.metric', 'svc_agent_sweep', 'delete')}
    create table agent_gateway.metric_gap (
      org_id text not null,
      agent_id text not null,
      first_time timestamptz not null,
      last_time timestamptz not null,
      n bigint not null check (n > 0),
      primary key (org_id, agent_id, first_time)
    );
    create index metric_gap_time on agent_gateway.metric_gap (last_time);
    ${tenantTable('agent_gateway.metric_gap', 'svc_agent_gateway', 'select, insert, update')}
    ${allowEverywhere('agent_gateway.metric_gap', 'svc_agent_sweep', 'select', 'select (org_id, agent_id, first_time, last_time)')}
    ${allowEverywhere('agent_gateway.metric_gap', 'svc_agent_sweep', 'delete')}`,
};
