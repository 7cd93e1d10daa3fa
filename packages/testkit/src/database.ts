import { randomBytes } from 'node:crypto';
import { contextKeyOf, Database, migrate, type ServiceMigrations, type ServiceRole } from '@truffle/database';
import pg from 'pg';
import { testEngines } from './engines.ts';

/** A fresh database with the given services' tables, dropped at the end. */
export interface TestDatabase {
  /** Where it is, as a superuser: for looking at what is stored. */
  readonly adminUrl: string;
  readonly admin: pg.Pool;
  /** One role's way to it, closed with it. `onEvents` as in the product. */
  open<T>(role: ServiceRole, onEvents?: () => void): Database<T>;
  close(): Promise<void>;
}

export async function testDatabase(services: readonly ServiceMigrations[]): Promise<TestDatabase> {
  const { databaseUrl, installation } = testEngines();
  const name = `test_${randomBytes(6).toString('hex')}`;
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  await onServer(databaseUrl, async (client) => {
    // Roles belong to the whole server: one migration at a time across all tests' databases.
    await client.query(`select pg_advisory_lock(hashtext('truffle/testkit'))`);
    await client.query(`create database ${name}`);
    await migrate({
      adminUrl: url.href,
      passwords: installation.databasePasswords,
      contextMaster: installation.contextMaster,
      services,
    });
  });
  const admin = new pg.Pool({ connectionString: url.href, max: 2 });
  // Dropping the database ends connections that are still on their way out.
  admin.on('connect', (client) => client.on('error', () => undefined));
  admin.on('error', () => undefined);
  const opened: Database<never>[] = [];
  return {
    adminUrl: url.href,
    admin,
    open: <T>(role: ServiceRole, onEvents?: () => void) => {
      const database = new Database<T>({
        url: url.href,
        role,
        password: installation.databasePasswords[role],
        contextKey: contextKeyOf(installation.contextMaster, role),
        connections: 5,
        ...(onEvents === undefined ? {} : { onEvents }),
      });
      opened.push(database as unknown as Database<never>);
      return database;
    },
    close: async () => {
      await Promise.all(opened.map((database) => database.close()));
      await admin.end();
      await onServer(databaseUrl, (client) => client.query(`drop database ${name} with (force)`));
    },
  };
}

async function onServer(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
