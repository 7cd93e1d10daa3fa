import { Kysely, PostgresDialect, sql } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import pg from 'pg';
import { outlive } from './database.ts';
import { contextKeyOf, paddedKeys } from './context.ts';
import { foundations } from './migrate.foundations.ts';
import { serviceRoles, type ServiceRole } from './roles.ts';

/** One service's migrations: SQL by name, run in the order of the names, each once. */
export interface ServiceMigrations {
  /** The schema it owns; made when it is not there. */
  readonly schema: string;
  readonly migrations: Readonly<Record<string, string>>;
}

export interface MigrationPlan {
  /** A superuser's URL: roles are made with it. */
  readonly adminUrl: string;
  /** Passwords of every login role. */
  readonly passwords: Readonly<Record<ServiceRole, string>>;
  /** The master that every role's context key is derived from. */
  readonly contextMaster: Buffer;
  readonly services: readonly ServiceMigrations[];
}

/** Brings the database to what the services expect. Safe to run again and by several processes at once. */
export async function migrate(plan: MigrationPlan): Promise<void> {
  const pool = new pg.Pool({ connectionString: plan.adminUrl, max: 2, connectionTimeoutMillis: 10_000 });
  outlive(pool);
  const db = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) });
  const client = await pool.connect();
  try {
    // One migration at a time; released with the connection when this process dies.
    await client.query(`select pg_advisory_lock(hashtext('truffle/migrate'))`);
    await makeRoles(client, plan);
    await closeDatabase(client);
    for (const service of [foundations, ...plan.services]) await migrateService(db, client, service);
    await storeContextKeys(client, plan);
  } finally {
    client.release(true);
    await db.destroy();
  }
}

async function makeRoles(client: pg.PoolClient, plan: MigrationPlan): Promise<void> {
  for (const owner of ['truffle_owner', 'truffle_ctx']) await makeRole(client, owner, 'nologin');
  for (const role of Object.keys(serviceRoles) as ServiceRole[]) {
    await makeRole(client, role, 'login');
    await client.query(
      `alter role ${role} nosuperuser nobypassrls nocreatedb nocreaterole password ${client.escapeLiteral(plan.passwords[role])}`,
    );
  }
}

/** PostgreSQL lets everybody make temporary tables, which would stand before ours for who forgets a schema, and outlive a transaction. */
async function closeDatabase(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  await client.query(`revoke temporary on database ${client.escapeIdentifier(rows[0]?.name ?? '')} from public`);
}

async function makeRole(client: pg.PoolClient, role: string, login: 'login' | 'nologin'): Promise<void> {
  const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [role]);
  if (rowCount === 0) await client.query(`create role ${role} ${login}`);
}

async function migrateService(
  db: Kysely<Record<string, never>>,
  client: pg.PoolClient,
  service: ServiceMigrations,
): Promise<void> {
  await client.query(`create schema if not exists ${service.schema} authorization truffle_owner`);
  const migrator = new Migrator({
    db: db,
    migrationTableSchema: service.schema,
    // Parts of one schema land in any order; none builds on a later number.
    allowUnorderedMigrations: true,
    provider: { getMigrations: () => Promise.resolve(steps(service)) },
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results?.find((r) => r.status === 'Error')?.migrationName ?? 'unknown';
    throw new Error(`migration ${service.schema}/${failed} failed`, { cause: error });
  }
}

function steps(service: ServiceMigrations): Record<string, Migration> {
  return Object.fromEntries(
    Object.entries(service.migrations).map(([name, text]) => [
      name,
      {
        up: async (tx: Kysely<unknown>) => {
          await sql.raw(`set local role truffle_owner`).execute(tx);
          await sql.raw(text).execute(tx);
          await sql.raw('reset role').execute(tx);
        },
      },
    ]),
  );
}

async function storeContextKeys(client: pg.PoolClient, plan: MigrationPlan): Promise<void> {
  for (const role of Object.keys(serviceRoles)) {
    const key = contextKeyOf(plan.contextMaster, role);
    const { inner, outer } = paddedKeys(key);
    await client.query(
      `insert into ctx.signing_key (kid, role, inner_pad, outer_pad) values ($1, $2, $3, $4)
       on conflict (kid) do update set inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad`,
      [key.kid, role, inner, outer],
    );
  }
}
