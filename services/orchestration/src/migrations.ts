import { tenantTable, allowEverywhere, type ServiceMigrations } from '@truffle/database';
import { idempotencyTable } from '@truffle/kit';

const role = 'svc_orchestration';

/** Schema `orchestration`: clusters, servers, operations with their steps, leased VMIDs. */
export const orchestrationMigrations: ServiceMigrations = {
  schema: 'orchestration',
  migrations: {
    '001_clusters': `
      grant usage on schema orchestration to ${role}, svc_orchestration_sweep;
      create table orchestration.cluster (
        org_id text not null,
        id text not null,
        project_id text not null,
        agent_id text not null,
        name text not null,
        template_version_id text not null,
        template_ref text not null,
        acquired_via text not null default 'own',
        template jsonb not null,
        parameters jsonb not null,
        secrets jsonb not null default '[]',
        generated jsonb not null default '[]',
        state text not null check (state in ('CREATING', 'READY', 'FAILED', 'DELETING', 'DELETED')),
        outputs jsonb not null default '{}',
        operation_id text,
        failure jsonb,
        quota_holder text not null,
        protected boolean not null default false,
        revision bigint not null default 1,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        deleted_at timestamptz,
        primary key (org_id, id)
      );
      create unique index cluster_name on orchestration.cluster (org_id, project_id, name) where state <> 'DELETED';
      ${tenantTable('orchestration.cluster', role, 'select, insert, update')}
      create table orchestration.server (
        org_id text not null,
        id text not null,
        project_id text not null,
        cluster_id text not null,
        agent_id text not null,
        name text not null,
        role text not null,
        index int not null,
        state text not null check (state in ('PENDING', 'PROVISIONING', 'RUNNING', 'DEPLOYING', 'READY', 'FAILED', 'DELETING', 'DELETED')),
        vmid int,
        node text not null default '',
        address text not null default '',
        image text not null,
        cpu int not null,
        memory_bytes bigint not null,
        disk_bytes bigint not null,
        networks jsonb not null,
        fence bigint not null default 0,
        revision bigint not null default 1,
        primary key (org_id, id),
        foreign key (org_id, cluster_id) references orchestration.cluster (org_id, id)
      );
      create unique index server_name on orchestration.server (org_id, cluster_id, name);
      ${tenantTable('orchestration.server', role, 'select, insert, update')}
      create sequence orchestration.fence;
      grant usage on sequence orchestration.fence to ${role};
      create table orchestration.vmid_lease (
        org_id text not null,
        agent_id text not null,
        vmid int not null,
        server_id text not null,
        primary key (org_id, agent_id, vmid),
        unique (org_id, server_id),
        foreign key (org_id, server_id) references orchestration.server (org_id, id)
      );
      ${tenantTable('orchestration.vmid_lease', role, 'select, insert, delete')}`,
    '002_operations': `
      create table orchestration.operation (
        org_id text not null,
        id text not null,
        project_id text not null,
        cluster_id text not null,
        kind text not null check (kind in ('CREATE', 'DELETE')),
        state text not null check (state in ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
        follows_operation_id text,
        cancel_requested boolean not null default false,
        failure jsonb,
        initiator text not null,
        initiator_name text,
        request_id text not null,
        traceparent text not null default '',
        revision bigint not null default 1,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        ended_at timestamptz,
        primary key (org_id, id),
        foreign key (org_id, cluster_id) references orchestration.cluster (org_id, id)
      );
      create unique index one_open_operation on orchestration.operation (org_id, cluster_id) where state in ('PENDING', 'RUNNING');
      create index operation_of_project on orchestration.operation (org_id, project_id, id);
      create index operation_open on orchestration.operation (updated_at) where state in ('PENDING', 'RUNNING');
      ${tenantTable('orchestration.operation', role, 'select, insert, update')}
      ${allowEverywhere('orchestration.operation', 'svc_orchestration_sweep', 'select', 'select (org_id, id, cluster_id, state, updated_at)')}
      create table orchestration.step (
        org_id text not null,
        operation_id text not null,
        key text not null,
        stage int not null,
        position int not null,
        action text not null check (action in ('reserve', 'ensure', 'deploy', 'delete', 'finish')),
        title text not null,
        server_id text,
        deployment text,
        state text not null check (state in ('PENDING', 'WAITING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'SKIPPED')),
        detail text not null default '',
        command_id text,
        fence bigint,
        failure jsonb,
        started_at timestamptz,
        ended_at timestamptz,
        primary key (org_id, operation_id, key),
        foreign key (org_id, operation_id) references orchestration.operation (org_id, id),
        foreign key (org_id, server_id) references orchestration.server (org_id, id)
      );
      ${tenantTable('orchestration.step', role, 'select, insert, update')}
      ${idempotencyTable('orchestration')}
      ${tenantTable('orchestration.idempotency', role)}`,
    '003_server_operations': `
      alter table orchestration.server
        add column power text not null default 'RUNNING' check (power in ('RUNNING', 'STOPPED'));
      alter table orchestration.operation
        drop constraint operation_kind_check,
        add constraint operation_kind_check check (kind in ('CREATE', 'DELETE', 'START_SERVER', 'STOP_SERVER', 'SNAPSHOT_SERVER',
          'ROLLBACK_SERVER', 'DELETE_SNAPSHOT', 'RESIZE_SERVER', 'MIGRATE_SERVER'));
      alter table orchestration.step
        drop constraint step_action_check,
        add constraint step_action_check check (action in ('reserve', 'ensure', 'deploy', 'delete', 'finish', 'change')),
        add column intent jsonb;
      create index step_of_server on orchestration.step (org_id, server_id, operation_id) where action = 'change';
      create table orchestration.server_snapshot (
        org_id text not null,
        server_id text not null,
        name text not null,
        include_memory boolean not null,
        cpu int not null,
        memory_bytes bigint not null,
        disk_bytes bigint not null,
        operation_id text not null,
        made_at timestamptz not null,
        primary key (org_id, server_id, name),
        foreign key (org_id, server_id) references orchestration.server (org_id, id),
        foreign key (org_id, operation_id) references orchestration.operation (org_id, id)
      );
      ${tenantTable('orchestration.server_snapshot', role, 'select, insert, delete')}`,
    '004_kept_leases': `
      alter table orchestration.vmid_lease
        add column released_at timestamptz,
        add column orphan_seen_at timestamptz;
      grant update on orchestration.vmid_lease to ${role};`,
    '005_image_imports': `
      alter table orchestration.vmid_lease alter column server_id drop not null, add column image text;
      create unique index vmid_lease_image on orchestration.vmid_lease (org_id, agent_id, image);
      create table orchestration.image_import (
        org_id text not null,
        agent_id text not null,
        image text not null,
        url text not null,
        sha256 text not null,
        node text not null,
        storage text not null,
        vmid int not null,
        state text not null check (state in ('RUNNING', 'SUCCEEDED', 'FAILED')),
        command_id text not null,
        fence bigint not null,
        failure jsonb,
        disk_bytes bigint not null default 0,
        created_at timestamptz not null default now(),
        ended_at timestamptz,
        primary key (org_id, agent_id, image)
      );
      ${tenantTable('orchestration.image_import', role, 'select, insert, update')}`,
    '006_server_health': `
      alter table orchestration.server
        add column health text check (health in ('HEALTHY', 'REMEDIED', 'UNHEALTHY')),
        add column health_detail text not null default '' check (length(health_detail) <= 500),
        add column health_at timestamptz;`,
    '007_address_source': `
      alter table orchestration.server
        add column address_source text check (address_source in ('SITE', 'GUEST_AGENT', 'CLOUD_INIT', 'LEASE', 'NEIGHBOUR'));`,
    '008_import_workflows': `
      create index image_import_open on orchestration.image_import (created_at) where state = 'RUNNING';
      ${allowEverywhere('orchestration.image_import', 'svc_orchestration_sweep', 'select', 'select (org_id, agent_id, image, command_id, state, created_at)')}`,
    '009_erasure': `
      create index operation_named on orchestration.operation (initiator) where initiator_name is not null;
      grant select (initiator, initiator_name) on orchestration.operation to svc_orchestration_sweep;
      ${allowEverywhere('orchestration.operation', 'svc_orchestration_sweep', 'update', 'update (initiator_name)')}`,
    '009_operation_of_cluster': `
      create index operation_of_cluster on orchestration.operation (org_id, cluster_id, id);`,
    // One for each order of a list, with the tie-breaker (see the repositories' orderings).
    '010_orders': `
      create index cluster_by_name on orchestration.cluster (org_id, project_id, name, id);
      create index cluster_by_state on orchestration.cluster (org_id, project_id, state, id);
      create index cluster_by_age on orchestration.cluster (org_id, project_id, created_at, id);
      create index server_by_role on orchestration.server (org_id, cluster_id, role, id);
      create index server_by_state on orchestration.server (org_id, cluster_id, state, id);
      create index server_by_node on orchestration.server (org_id, cluster_id, node, id);
      create index server_of_project_by_name on orchestration.server (org_id, project_id, name, id) where state <> 'DELETED';
      create index server_of_project_by_state on orchestration.server (org_id, project_id, state, id) where state <> 'DELETED';
      create index operation_by_kind on orchestration.operation (org_id, project_id, kind, id);
      create index operation_by_state on orchestration.operation (org_id, project_id, state, id);`,
  },
};
