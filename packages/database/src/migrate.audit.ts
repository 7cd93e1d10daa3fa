import { allowEverywhere } from './policy.ts';
import { serviceRoles } from './roles.ts';

/** Those that append events. */
const writers = Object.keys(serviceRoles).filter(
  (role) => !['svc_relay', 'svc_ledger_reader', 'svc_ledger_keeper'].includes(role),
);

/**
 * The audit trail: what is personal stands beside the chain, checkpoints stand for it, and retention may remove what one stands for.
 * Events that are there already get new hashes by the relay (their names have left them); they keep their numbers.
 */
export const auditMigration = `
  grant usage on schema ctx, ledger to svc_ledger_keeper;
  reset role;
  set local role truffle_ctx;
  grant execute on function ctx.org() to svc_ledger_keeper;
  reset role;
  set local role truffle_owner;

  create table ledger.person (
    org_id text not null,
    id text not null,
    subject text not null,
    salt bytea,
    name text,
    address text,
    user_agent text,
    erased_at timestamptz,
    primary key (org_id, id),
    check ((salt is null) = (erased_at is not null)),
    check (erased_at is null or coalesce(name, address, user_agent) is null)
  );
  create index person_of_subject on ledger.person (subject, org_id) where erased_at is null;

  create table ledger.checkpoint (
    org_id text not null,
    n bigint not null,
    kind text not null check (kind in ('head', 'start')),
    hash bytea not null,
    at text not null,
    key_id text not null,
    signature text not null,
    primary key (org_id, n, kind)
  );
  alter table ledger.head
    add column checkpoint_n bigint not null default 0,
    add column checkpoint_at timestamptz,
    add column first_n bigint not null default 1;
  create index head_unproven on ledger.head (org_id) where checkpoint_n < n;

  alter table ledger.event add column action text, add column result text not null default 'OK', add column person text;
  alter table ledger.event no force row level security;
  alter table ledger.event disable trigger keep;
  alter table ledger.head no force row level security;
  with named as materialized (
    select who.*, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) as salt
    from (select distinct org_id, coalesce(actor_on_behalf_of, actor_subject) as subject, actor_name as name
          from ledger.event where actor_name is not null) who
  ), kept as (
    insert into ledger.person (org_id, id, subject, salt, name)
    select org_id, rtrim(translate(encode(sha256(convert_to(E'truffle/person\\n', 'UTF8') || salt || convert_to(
        '{"address":null,"name":' || to_json(name) || ',"subject":' || to_json(subject) || ',"user_agent":null}', 'UTF8')), 'base64'), '+/', '-_'), '='),
      subject, salt, name from named
    returning org_id, id, subject, name
  )
  update ledger.event e set person = kept.id from kept
  where e.org_id = kept.org_id and coalesce(e.actor_on_behalf_of, e.actor_subject) = kept.subject and e.actor_name = kept.name;
  alter table ledger.event drop column actor_name;
  alter table ledger.event drop constraint event_check;
  update ledger.event set hash = null;
  alter table ledger.event add check (hash is null or n is not null);
  update ledger.head set n = 0, hash = decode(repeat('00', 32), 'hex');
  alter table ledger.event enable trigger keep;
  alter table ledger.event force row level security;
  alter table ledger.head force row level security;
  drop index ledger.event_unnumbered;
  create index event_unchained on ledger.event (n nulls last, occurred_at, id) where hash is null;
  create index event_of_actor on ledger.event (org_id, (coalesce(actor_on_behalf_of, actor_subject)), n) where n is not null;
  create index event_of_person on ledger.event (org_id, person) where n is not null and person is not null;
  create index event_when on ledger.event using brin (occurred_at);

  create or replace function ledger.keep() returns trigger language plpgsql as $$
  begin
    if old.hash is not null or (old.n is not null and new.n is distinct from old.n)
      or (to_jsonb(new) - '{n,hash}'::text[]) is distinct from (to_jsonb(old) - '{n,hash}'::text[]) then
      raise exception 'events are immutable' using errcode = 'TF409';
    end if;
    return new;
  end $$;
  create function ledger.keep_unproven() returns trigger language plpgsql as $$
  begin
    if not exists (select 1 from ledger.checkpoint c where c.org_id = old.org_id and c.kind = 'start' and c.n >= old.n) then
      raise exception 'events go only where a checkpoint stands for them' using errcode = 'TF409';
    end if;
    return old;
  end $$;
  create trigger keep_unproven before delete on ledger.event for each row execute function ledger.keep_unproven();
  create function ledger.keep_person() returns trigger language plpgsql as $$
  begin
    if new.erased_at is null or (new.org_id, new.id, new.subject) is distinct from (old.org_id, old.id, old.subject) then
      raise exception 'personal data is erased or stays as it is' using errcode = 'TF409';
    end if;
    return new;
  end $$;
  create trigger keep_person before update on ledger.person for each row execute function ledger.keep_person();

  alter table ledger.person enable row level security;
  alter table ledger.person force row level security;
  alter table ledger.checkpoint enable row level security;
  alter table ledger.checkpoint force row level security;
  ${writers
    .map(
      (
        role,
      ) => `create policy ${role}_append on ledger.person for insert to ${role} with check (org_id = (select ctx.org()) and erased_at is null);
  grant insert on ledger.person to ${role};`,
    )
    .join('\n  ')}
  create policy tenant_read on ledger.person for select to svc_ledger_reader using (org_id = (select ctx.org()));
  create policy tenant_read on ledger.checkpoint for select to svc_ledger_reader using (org_id = (select ctx.org()));
  grant select on ledger.person, ledger.checkpoint to svc_ledger_reader;
  ${allowEverywhere('ledger.event', 'svc_ledger_keeper', 'select')}
  ${allowEverywhere('ledger.event', 'svc_ledger_keeper', 'delete')}
  ${allowEverywhere('ledger.person', 'svc_ledger_keeper', 'select')}
  ${allowEverywhere('ledger.person', 'svc_ledger_keeper', 'update', 'update (salt, name, address, user_agent, erased_at)')}
  ${allowEverywhere('ledger.person', 'svc_ledger_keeper', 'delete')}
  ${allowEverywhere('ledger.head', 'svc_ledger_keeper', 'select')}
  ${allowEverywhere('ledger.head', 'svc_ledger_keeper', 'update', 'update (first_n, checkpoint_n, checkpoint_at)')}
  ${allowEverywhere('ledger.checkpoint', 'svc_ledger_keeper', 'select')}
  ${allowEverywhere('ledger.checkpoint', 'svc_ledger_keeper', 'insert')}
  ${allowEverywhere('ledger.checkpoint', 'svc_ledger_keeper', 'delete')}
  grant select, insert, update on ledger.lease to svc_ledger_keeper;`;
