import { tenantTable, type ServiceMigrations } from '@truffle/database';

/** Schema `template`. `curated` and `curated_version` are nobody's rows: what ships with Truffle, written when the service starts. */
export const templateMigrations: ServiceMigrations = {
  schema: 'template',
  migrations: {
    '001_template': `
      grant usage on schema template to svc_template;
      create table template.template (
        org_id text not null,
        id text not null,
        name text not null,
        title text not null,
        summary text not null,
        publisher text not null,
        categories text[] not null,
        latest_version text not null,
        latest_version_id text not null,
        protected boolean not null default false,
        revision bigint not null default 1,
        created_at timestamptz not null,
        deleted_at timestamptz,
        primary key (org_id, id)
      );
      create unique index template_name on template.template (org_id, name) where deleted_at is null;
      create table template.version (
        org_id text not null,
        id text not null,
        template_id text not null,
        template_name text not null,
        version text not null,
        digest text not null,
        parent_digest text,
        publisher text not null,
        signature bytea,
        acquired_via text not null,
        source text not null,
        content jsonb not null,
        parameters_schema jsonb not null,
        quota_holder text not null,
        revision bigint not null default 1,
        created_at timestamptz not null,
        deleted_at timestamptz,
        primary key (org_id, id),
        unique (org_id, template_id, version),
        foreign key (org_id, template_id) references template.template (org_id, id)
      );
      create table template.curated (
        id text primary key,
        name text not null unique,
        title text not null,
        summary text not null,
        publisher text not null,
        categories text[] not null,
        latest_version text not null,
        latest_version_id text not null,
        revision bigint not null default 1,
        created_at timestamptz not null
      );
      create table template.curated_version (
        id text primary key,
        template_id text not null references template.curated,
        template_name text not null,
        version text not null,
        digest text not null,
        parent_digest text,
        publisher text not null,
        signature bytea,
        source text not null,
        content jsonb not null,
        parameters_schema jsonb not null,
        created_at timestamptz not null
      );
      create index curated_version_of_template on template.curated_version (template_id);
      ${tenantTable('template.template', 'svc_template', 'select, insert, update')}
      ${tenantTable('template.version', 'svc_template', 'select, insert, update (deleted_at, revision)')}
      grant select, insert, update on template.curated to svc_template;
      grant select, insert on template.curated_version to svc_template;`,
    // One for each order of the list, with what breaks ties. What ships with Truffle is a handful.
    '002_orders': `
      create index template_by_name on template.template (org_id, name, (('0'::text || id))) where deleted_at is null;
      create index template_by_title on template.template (org_id, title, (('0'::text || id))) where deleted_at is null;
      create index template_by_age on template.template (org_id, created_at, (('0'::text || id))) where deleted_at is null;`,
  },
};
