import { randomBytes } from 'node:crypto';
import { newId } from '@truffle/ids';
import { testDatabase, testEngines, type TestDatabase } from '@truffle/testkit';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextKeyOf, mintContext } from './context.ts';
import { databaseErrorCode } from './database.ts';
import { appendEvent } from './ledger.ts';
import type { LedgerTables } from './ledger.table.ts';

const [mine, theirs] = [newId('org'), newId('org')];
const author = { subject: 'svc:test', requestId: 'request-1' };
const role = 'svc_ledger_reader';
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await testDatabase([]);
  const writer = database.open<LedgerTables>('svc_orchestration');
  for (const orgId of [mine, theirs])
    await writer.tenant(orgId, (tx) =>
      appendEvent(tx, author, { orgId, name: 'thing.happened', resourceId: orgId, data: {} }),
    );
  const url = new URL(database.adminUrl);
  url.username = role;
  url.password = testEngines().installation.databasePasswords[role];
  client = new pg.Client({ connectionString: url.href });
  await client.connect();
});

afterAll(async () => {
  await client?.end();
  await database?.close();
});

const key = () => contextKeyOf(testEngines().installation.contextMaster, role);

/** What the reader's role sees of the ledger with `setting` in force. */
async function seenWith(setting: string | undefined): Promise<string[]> {
  await client.query('begin');
  try {
    if (setting !== undefined) await client.query(`select set_config('truffle.ctx', $1, true)`, [setting]);
    const { rows } = await client.query<{ org_id: string }>('select org_id from ledger.event');
    return rows.map((row) => row.org_id);
  } finally {
    await client.query('rollback');
  }
}

const refused = { code: 'TF401' };

describe('a tenant setting', () => {
  it('shows one organization, and none without it or after its transaction', async () => {
    expect(await seenWith(mintContext(key(), mine, Date.now()))).toEqual([mine]);
    expect(await seenWith(undefined)).toEqual([]);
    expect(await seenWith('')).toEqual([]);
  });

  it('can not be forged, kept past its end, taken from another role or cut short', async () => {
    const good = mintContext(key(), mine, Date.now());
    const [, until = '', kid = '', mac = ''] = good.split('.');
    const other = contextKeyOf(testEngines().installation.contextMaster, 'svc_tenant');
    for (const bad of [
      `${theirs}.${until}.${kid}.${mac}`,
      `${mine}.${Number(until) + 60}.${kid}.${mac}`,
      `${mine}.${until}.${kid}.${'0'.repeat(64)}`,
      `${mine}.${until}.${kid}.`,
      `${mine}.${until}.nokey.${mac}`,
      mintContext({ kid, secret: randomBytes(32) }, theirs, Date.now()),
      mintContext(key(), mine, Date.now() - 600_000),
      mintContext(other, mine, Date.now()),
      mine,
      `${good}.x`,
    ])
      await expect(seenWith(bad)).rejects.toMatchObject(refused);
  });

  it('keeps injected SQL in its own organization', async () => {
    const reader = database.open<LedgerTables>(role);
    const injected = (text: string) =>
      reader.tenant(mine, (tx) =>
        sql<{ org_id: string }>`select org_id from ledger.event where type = ${sql.raw(text)}`.execute(tx),
      );
    const { rows } = await injected(`'' or true`);
    expect(rows.map((row) => row.org_id)).toEqual([mine]);
    const forged = `${theirs}.9999999999.${key().kid}.${'0'.repeat(64)}`;
    const swapping = reader.tenant(mine, async (tx) => {
      const { rows } = await sql<{
        org_id: string;
      }>`select org_id from ledger.event where type = ${sql.raw(`'' or set_config('truffle.ctx', '${forged}', true) <> ''`)}`.execute(
        tx,
      );
      expect(rows.map((row) => row.org_id)).not.toContain(theirs);
      return sql`select org_id from ledger.event`.execute(tx);
    });
    await expect(swapping).rejects.toMatchObject(refused);
    const stolen = await reader
      .tenant(mine, (tx) => sql`select * from ctx.signing_key`.execute(tx))
      .catch((error: unknown) => databaseErrorCode(error));
    expect(stolen).toBe('42501');
  });

  it('lets injected SQL neither become another role, nor leave its transaction, nor reach the machine', async () => {
    const reader = database.open<LedgerTables>(role);
    const statements: readonly (readonly [string, string])[] = [
      ['set role postgres', '42501'],
      ['set session authorization postgres', '42501'],
      ['set local role svc_tenant', '42501'],
      ['alter role svc_ledger_reader bypassrls', '42501'],
      ['alter table ledger.event disable row level security', '42501'],
      ['create policy open on ledger.event using (true)', '42501'],
      [`create function ctx.org() returns text language sql as 'select 1::text'`, '42501'],
      ['create table ledger.mine (x int)', '42501'],
      ['create temporary table event (x int)', '42501'],
      ['truncate ledger.event', '42501'],
      [`copy ledger.event to '/tmp/out'`, '42501'],
      [`copy (select 1) to program 'id'`, '42501'],
      [`select pg_read_file('/etc/passwd')`, '42501'],
      [`select lo_import('/etc/passwd')`, '42501'],
      [`select * from pg_authid`, '42501'],
      [`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres' limit 1`, '42501'],
      // A second statement does not fit into one that has parameters.
      [`select $1::text; select org_id from ledger.event`, '42601'],
    ];
    const seen: (readonly [string, string])[] = [];
    for (const [text] of statements) {
      const values = text.includes('$1') ? [mine] : [];
      await client.query('begin');
      await client.query(`select set_config('truffle.ctx', $1, true)`, [mintContext(key(), mine, Date.now())]);
      const code = await client.query({ text, values }).then(
        () => 'done',
        (error: { code?: string }) => error.code ?? '',
      );
      await client.query('rollback');
      seen.push([text, code]);
    }
    expect(seen).toEqual(statements);
    const { rows } = await reader.tenant(mine, (tx) =>
      sql<{ org_id: string }>`select org_id from ledger.event`.execute(tx),
    );
    expect(rows.map((row) => row.org_id)).toEqual([mine]);
  });

  it('stays when injected SQL makes it for another organization by every way to set it', async () => {
    const reader = database.open<LedgerTables>(role);
    const [good, forged] = [
      mintContext(key(), mine, Date.now()),
      `${theirs}.9999999999.${key().kid}.${'0'.repeat(64)}`,
    ];
    const ways = [
      `set local truffle.ctx = '${forged}'`,
      `set truffle.ctx = '${forged}'`,
      `select set_config('truffle.ctx', '${forged}', false)`,
      `select set_config('truffle.ctx', replace('${good}', '${mine}', '${theirs}'), true)`,
      'reset truffle.ctx',
      'reset all',
      `set local truffle.org = '${theirs}'`,
    ];
    for (const way of ways) {
      const rows = await reader
        .tenant(mine, async (tx) => {
          await sql.raw(way).execute(tx);
          return (await sql<{ org_id: string }>`select org_id from ledger.event`.execute(tx)).rows;
        })
        .catch((error: unknown) => (databaseErrorCode(error) === 'TF401' ? [] : Promise.reject(error as Error)));
      expect(
        rows.filter((row) => row.org_id !== mine),
        way,
      ).toEqual([]);
    }
    // The next transaction on whatever connection sets its own.
    for (let i = 0; i < 10; i++)
      await reader.tenant(theirs, async (tx) => {
        const { rows } = await sql<{ org_id: string }>`select org_id from ledger.event`.execute(tx);
        expect(rows.map((row) => row.org_id)).toEqual([theirs]);
      });
  });

  it('lets nobody write for another organization or change what happened', async () => {
    const writer = database.open<LedgerTables>('svc_orchestration');
    const foreign = writer.tenant(mine, (tx) =>
      appendEvent(tx, author, { orgId: theirs, name: 'thing.happened', resourceId: mine, data: {} }),
    );
    await expect(foreign).rejects.toMatchObject({ code: '42501' });
    await expect(
      writer.tenant(mine, (tx) => sql`update ledger.event set data = '{}'`.execute(tx)),
    ).rejects.toMatchObject({ code: '42501' });
    await expect(writer.tenant(mine, (tx) => sql`delete from ledger.event`.execute(tx))).rejects.toMatchObject({
      code: '42501',
    });
    await expect(writer.tenant(mine, (tx) => sql`truncate ledger.event`.execute(tx))).rejects.toMatchObject({
      code: '42501',
    });
  });
});
