import { testDatabase, type TestDatabase } from '@truffle/testkit';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from './database.ts';
import { databaseErrorCode, isDatabaseAway, withCommit } from './database.ts';
import { tenantTable } from './policy.ts';

interface Tables {
  'tenant.thing': { org_id: string; id: string; name: string };
}

const things = {
  schema: 'tenant',
  migrations: {
    '001_thing': `
      grant usage on schema tenant to svc_tenant, svc_template;
      create table tenant.thing (org_id text not null, id text not null, name text not null, primary key (org_id, id));
      ${tenantTable('tenant.thing', 'svc_tenant')}`,
  },
};

let test: TestDatabase;
let db: Database<Tables>;

beforeAll(async () => {
  test = await testDatabase([things]);
  db = test.open<Tables>('svc_tenant');
  for (const org of ['org_a', 'org_b'])
    await db.tenant(org, (tx) => tx.insertInto('tenant.thing').values({ org_id: org, id: '1', name: org }).execute());
});
afterAll(() => test?.close());

const names = async (work: Promise<{ name: string }[]>): Promise<string[]> => (await work).map((row) => row.name);

describe('the tenant setting', () => {
  it('shows and changes only its own rows', async () => {
    expect(await names(db.tenant('org_a', (tx) => tx.selectFrom('tenant.thing').selectAll().execute()))).toEqual([
      'org_a',
    ]);
    const updated = await db.tenant('org_a', (tx) =>
      tx.updateTable('tenant.thing').set({ name: 'x' }).where('org_id', '=', 'org_b').executeTakeFirst(),
    );
    expect(updated.numUpdatedRows).toBe(0n);
  });

  it('refuses a row of another organization', async () => {
    const foreign = db.tenant('org_a', (tx) =>
      tx.insertInto('tenant.thing').values({ org_id: 'org_b', id: '2', name: 'x' }).execute(),
    );
    await expect(foreign.catch(databaseErrorCode)).resolves.toBe('42501');
  });

  it('shows nothing to a query that forgot its tenant', async () => {
    expect(await db.anywhere((tx) => tx.selectFrom('tenant.thing').selectAll().execute())).toEqual([]);
  });

  it('cannot be forged by an injected statement, nor replayed by another role', async () => {
    const forge = (value: string) =>
      db
        .tenant('org_a', async (tx) => {
          await sql`select set_config('truffle.ctx', ${value}, true)`.execute(tx);
          return tx.selectFrom('tenant.thing').selectAll().execute();
        })
        .catch(databaseErrorCode);
    expect(await forge(`org_b.${Math.floor(Date.now() / 1000) + 60}.svc_tenant-1.${'0'.repeat(64)}`)).toBe('TF401');
    expect(await forge('org_b')).toBe('TF401');
    const own = await db.tenant(
      'org_a',
      async (tx) => (await sql<{ c: string }>`select current_setting('truffle.ctx') as c`.execute(tx)).rows[0]?.c ?? '',
    );
    const other = test.open<Tables>('svc_template');
    const replayed = other.anywhere(async (tx) => {
      await sql`select set_config('truffle.ctx', ${own}, true)`.execute(tx);
      return sql`select ctx.org()`.execute(tx);
    });
    await expect(replayed.catch(databaseErrorCode)).resolves.toBe('TF401');
    const key = db.tenant('org_a', (tx) => sql`select * from ctx.signing_key`.execute(tx));
    await expect(key.catch(databaseErrorCode)).resolves.toBe('42501');
  });

  it('ends with its transaction, also when that failed', async () => {
    await expect(db.tenant('org_a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    for (let i = 0; i < 10; i++)
      expect(await db.anywhere((tx) => tx.selectFrom('tenant.thing').selectAll().execute())).toEqual([]);
  });
});

describe('a statement that travels with the commit', () => {
  const insert = (tx: Parameters<Parameters<typeof db.tenant>[1]>[0], id: string) =>
    tx.insertInto('tenant.thing').values({ org_id: 'org_c', id, name: id }).execute();
  const ids = async () =>
    (await db.tenant('org_c', (tx) => tx.selectFrom('tenant.thing').select('id').orderBy('id').execute())).map(
      (row) => row.id,
    );

  it('is stored when the transaction is', async () => {
    await db.tenant('org_c', async (tx) => withCommit(tx, insert(tx, '1')));
    expect(await ids()).toEqual(['1']);
  });

  it('fails the transaction, of which nothing is then stored', async () => {
    const failed = db.tenant('org_c', async (tx) => {
      await insert(tx, '2');
      withCommit(tx, insert(tx, '1'));
    });
    await expect(failed.catch(databaseErrorCode)).resolves.toBe('23505');
    expect(await ids()).toEqual(['1']);
    await db.tenant('org_c', async (tx) => withCommit(tx, insert(tx, '3')));
    expect(await ids()).toEqual(['1', '3']);
  });

  it('is in the transaction with others like it', async () => {
    await db.tenant('org_c', async (tx) => {
      for (const id of ['4', '5', '6']) withCommit(tx, insert(tx, id));
    });
    expect(await ids()).toEqual(['1', '3', '4', '5', '6']);
    const failed = db.tenant('org_c', async (tx) => {
      for (const id of ['7', '5', '8']) withCommit(tx, insert(tx, id));
    });
    await expect(failed.catch(databaseErrorCode)).resolves.toBe('23505');
    expect(await ids()).toEqual(['1', '3', '4', '5', '6']);
  });
});

describe('a connection that PostgreSQL ends', () => {
  it('fails the transaction that it is in, between two statements, and nothing else', async () => {
    const cut = db.tenant('org_c', async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await test.admin.query('select pg_terminate_backend($1, 5000)', [rows[0]?.pid]);
      // The end of the connection is heard while no statement waits.
      await new Promise((heard) => setTimeout(heard, 100));
      return sql`select 1`.execute(tx);
    });
    await expect(cut.catch(isDatabaseAway)).resolves.toBe(true);
    await expect(
      db.tenant('org_c', (tx) => tx.selectFrom('tenant.thing').selectAll().execute()),
    ).resolves.toBeDefined();
  });
});
