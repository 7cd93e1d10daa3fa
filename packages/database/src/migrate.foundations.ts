import { auditMigration } from './migrate.audit.ts';
import { allowEverywhere, tenantTable } from './policy.ts';
import { serviceRoles } from './roles.ts';

const everyRole = Object.keys(serviceRoles).join(', ');

/** The signed tenant setting (schema `ctx`) and the ledger; both are there before any service's own tables. */
export const foundations = {
  schema: 'ledger',
  migrations: {
    '001_context': `
      reset role;
      create schema ctx authorization truffle_ctx;
      grant usage on schema ctx to truffle_owner, ${everyRole};
      set local role truffle_ctx;
      create table ctx.signing_key (
        kid text primary key,
        role name not null,
        inner_pad bytea not null check (length(inner_pad) = 64),
        outer_pad bytea not null check (length(outer_pad) = 64),
        not_after timestamptz
      );
      revoke all on ctx.signing_key from public;
      create function ctx.org() returns text
        language plpgsql stable parallel safe security definer set search_path = pg_catalog
      as $$
      declare
        setting text := current_setting('truffle.ctx', true);
        part text[];
        claim bytea;
        mac bytea;
      begin
        if setting is null or setting = '' then return null; end if;
        part := string_to_array(setting, '.');
        if array_length(part, 1) <> 4 then raise exception 'malformed tenant setting' using errcode = 'TF401'; end if;
        claim := convert_to(part[1] || '.' || part[2] || '.' || part[3], 'UTF8');
        select sha256(k.outer_pad || sha256(k.inner_pad || claim)) into mac
          from ctx.signing_key k
          where k.kid = part[3] and k.role = session_user and (k.not_after is null or k.not_after > now());
        if mac is null or encode(mac, 'hex') <> part[4] then
          raise exception 'forged tenant setting' using errcode = 'TF401';
        end if;
        if part[2]::bigint < extract(epoch from statement_timestamp()) then
          raise exception 'expired tenant setting' using errcode = 'TF401';
        end if;
        return part[1];
      end $$;
      revoke all on function ctx.org() from public;
      grant execute on function ctx.org() to truffle_owner, ${everyRole};`,
    '002_ledger': `
      grant usage on schema ledger to ${everyRole};
      create table ledger.event (
        id text primary key,
        org_id text not null,
        n bigint,
        type text not null,
        resource_id text not null,
        project_id text,
        actor_subject text not null,
        actor_on_behalf_of text,
        actor_name text,
        request_id text not null,
        traceparent text,
        visibility text not null default 'organization',
        occurred_at timestamptz not null default clock_timestamp(),
        data jsonb not null,
        hash bytea,
        unique (org_id, n),
        check ((n is null) = (hash is null))
      );
      create index event_unnumbered on ledger.event (occurred_at, id) where n is null;
      create index event_of_resource on ledger.event (org_id, resource_id, n);
      create table ledger.head (
        org_id text primary key,
        n bigint not null,
        hash bytea not null,
        published_n bigint not null default 0
      );
      create index head_unpublished on ledger.head (org_id) where published_n < n;
      create table ledger.lease (
        name text primary key,
        holder text not null,
        fence bigint not null,
        until timestamptz not null
      );
      create function ledger.keep() returns trigger language plpgsql as $$
      begin
        if old.n is not null or (to_jsonb(new) - '{n,hash}'::text[]) is distinct from (to_jsonb(old) - '{n,hash}'::text[]) then
          raise exception 'events are immutable' using errcode = 'TF409';
        end if;
        return new;
      end $$;
      create trigger keep before update on ledger.event for each row execute function ledger.keep();
      ${(Object.keys(serviceRoles) as (keyof typeof serviceRoles)[])
        .filter((role) => !['svc_relay', 'svc_ledger_reader', 'svc_ledger_keeper'].includes(role))
        .map(
          (
            role,
          ) => `create policy ${role}_append on ledger.event for insert to ${role} with check (org_id = (select ctx.org()) and n is null);
          grant insert on ledger.event to ${role};`,
        )
        .join('\n')}
      ${tenantTable('ledger.event', 'svc_ledger_reader', 'select')}
      ${allowEverywhere('ledger.event', 'svc_relay', 'select')}
      ${allowEverywhere('ledger.event', 'svc_relay', 'update', 'update (n, hash)')}
      alter table ledger.head enable row level security;
      alter table ledger.head force row level security;
      ${allowEverywhere('ledger.head', 'svc_relay', 'select')}
      ${allowEverywhere('ledger.head', 'svc_relay', 'insert')}
      ${allowEverywhere('ledger.head', 'svc_relay', 'update')}
      create policy tenant_read on ledger.head for select to svc_ledger_reader using (org_id = (select ctx.org()));
      grant select on ledger.head to svc_ledger_reader;
      grant select, insert, update on ledger.lease to ${everyRole};`,
    '003_audit': auditMigration,
  },
} as const;
