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
