import { everyMigration } from '@truffle/all-in-one';
import { testDatabase, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serviceRoles } from './roles.ts';

const schemas = ['ctx', 'ledger', ...everyMigration.map((s) => s.schema)];
const roles = Object.keys(serviceRoles);
let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase(everyMigration);
});

afterAll(async () => {
  await database?.close();
});

/** Names of what breaks a rule. `$1` is the list of our schemas, `$2` that of the services' roles. */
async function offenders(sql: string): Promise<string[]> {
  const { rows } = await database.admin.query<{ name: string }>(
    `with given as (select $1::text[] as schemas, $2::text[] as roles) ${sql}`,
    [schemas, roles],
  );
  return rows.map((row) => row.name);
}

const ours = `c.relnamespace::regnamespace::text = any(given.schemas)`;

describe("PostgreSQL's catalogue", () => {
  it('has row-level security on and forced, with a policy, on every table with an organization', async () => {
    const tables = `from given, pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped where ${ours} and c.relkind in ('r', 'p')`;
    expect((await offenders(`select c.oid::regclass::text as name ${tables}`)).length).toBeGreaterThan(10);
    expect(
      await offenders(
        `select c.oid::regclass::text as name ${tables} and not (c.relrowsecurity and c.relforcerowsecurity and exists (select 1 from pg_policy p where p.polrelid = c.oid))`,
      ),
    ).toEqual([]);
  });

  it('keeps the organization in every foreign key of a tenant table', async () => {
    const withOrg = `(select a.attnum from pg_attribute a where a.attrelid = k.conrelid and a.attname = 'org_id' and not a.attisdropped)`;
    expect(
      await offenders(`select k.conrelid::regclass::text || '.' || k.conname as name from given, pg_constraint k join pg_class c on c.oid = k.conrelid
        where ${ours} and k.contype = 'f' and ${withOrg} is not null and not ${withOrg} = any(k.conkey)`),
    ).toEqual([]);
  });

  it('has no role of a service that is a superuser, bypasses policies, owns anything or may become another', async () => {
    expect(
      await offenders(
        `select rolname as name from given, pg_roles where rolname = any(given.roles) and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)`,
      ),
    ).toEqual([]);
    expect(
      await offenders(
        `select rolname as name from given, pg_roles where rolname in ('truffle_owner', 'truffle_ctx') and (rolsuper or rolbypassrls or rolcanlogin)`,
      ),
    ).toEqual([]);
    expect(
      await offenders(
        `select c.oid::regclass::text as name from given, pg_class c join pg_roles r on r.oid = c.relowner where ${ours} and (r.rolname = any(given.roles) or r.rolsuper) and c.relkind in ('r', 'p', 'v') and c.relname not like 'kysely_migration%'`,
      ),
    ).toEqual([]);
    expect(
      await offenders(
        `select r.rolname as name from given, pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = any(given.roles)`,
      ),
    ).toEqual([]);
  });

  it('grants nobody to truncate, reference, trigger or maintain, and the public nothing', async () => {
    expect(
      await offenders(`select c.oid::regclass::text || ' ' || x.privilege_type || ' ' || coalesce(r.rolname, 'public') as name from given, pg_class c, aclexplode(c.relacl) x left join pg_roles r on r.oid = x.grantee
        where ${ours} and (x.grantee = 0 or (r.rolname = any(given.roles) and x.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') and not (c.relkind = 'S' and x.privilege_type = 'USAGE')))`),
    ).toEqual([]);
  });

  it('has no function but one that runs as its owner, no view that does, no materialized view and no partition', async () => {
    expect(
      await offenders(
        `select p.oid::regprocedure::text as name from given, pg_proc p where p.pronamespace::regnamespace::text = any(given.schemas) and p.prosecdef`,
      ),
    ).toEqual(['ctx.org()']);
    expect(
      await offenders(
        `select c.oid::regclass::text as name from given, pg_class c where ${ours} and c.relkind = 'v' and not coalesce('security_invoker=true' = any(c.reloptions), false)`,
      ),
    ).toEqual([]);
    expect(
      await offenders(
        `select c.oid::regclass::text as name from given, pg_class c where ${ours} and (c.relkind = 'm' or c.relispartition)`,
      ),
    ).toEqual([]);
  });

  it('gives a table without an organization only to the roles that are named here', async () => {
    const granted =
      await offenders(`select distinct c.oid::regclass::text || ' ' || r.rolname as name from given, pg_class c, aclexplode(c.relacl) x join pg_roles r on r.oid = x.grantee
      where ${ours} and r.rolname = any(given.roles) and c.relkind in ('r', 'p') and c.oid <> 'ledger.lease'::regclass
      and not exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id') order by 1`);
    expect(granted).toEqual([
      'agent_gateway.gateway svc_agent_gateway',
      'agent_gateway.gateway svc_agent_sweep',
      'template.curated svc_template',
      'template.curated_version svc_template',
      'tenant."user" svc_identity',
      'tenant.challenge svc_identity',
      'tenant.device_login svc_identity',
      'tenant.erasure svc_identity',
      'tenant.erasure svc_tenant',
      'tenant.factor svc_identity',
      'tenant.link svc_identity',
      'tenant.mail svc_identity',
      'tenant.mail svc_tenant',
      'tenant.recovery_code svc_identity',
      'tenant.session svc_identity',
      'tenant.sign_in_attempt svc_identity',
      'tenant.sign_in_flow svc_identity',
      'tenant.sign_up svc_identity',
    ]);
  });
});
