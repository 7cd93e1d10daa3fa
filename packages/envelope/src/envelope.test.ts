import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tenantTable, type Database, type ServiceMigrations } from '@truffle/database';
import { newId } from '@truffle/ids';
import { testDatabase, type TestDatabase } from '@truffle/testkit';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addFileKey,
  dataKeyGeneration,
  dataKeyTable,
  Envelope,
  fileKeys,
  installation,
  keysInUse,
  renewAll,
  reseal,
  rewrap,
  sealedColumn,
  type SealedColumn,
} from './index.ts';

const notes: SealedColumn = { table: 'safe.note', column: 'sealed', id: 'id', owner: 'org_id' };
const seeds: SealedColumn = { table: 'safe.seed', column: 'sealed', id: 'id', owner: '' };
const migrations: ServiceMigrations = {
  schema: 'safe',
  migrations: {
    '001': `
      grant usage on schema safe to svc_tenant, svc_identity;
      ${dataKeyTable('safe', 'svc_tenant', 'svc_identity')}
      ${dataKeyGeneration('safe')}
      create table safe.note (org_id text not null, id text not null, title text, sealed bytea, primary key (org_id, id));
      ${tenantTable('safe.note', 'svc_tenant')}
      create table safe.seed (id text primary key, sealed bytea);
      grant select, insert on safe.seed to svc_identity;
      ${sealedColumn(notes)} ${sealedColumn(seeds)}`,
  },
};

let database: TestDatabase;
let tenants: Database<unknown>;
let identity: Database<unknown>;
let rotation: Database<unknown>;
const folder = mkdtempSync(join(tmpdir(), 'truffle-kek-'));
const keks = fileKeys(folder);
const envelope = new Envelope('safe', keks);
const [acme, other] = [newId('org'), newId('org')];
const place = (id: string) => ({ table: 'safe.note', column: 'sealed', id });

beforeAll(async () => {
  database = await testDatabase([migrations]);
  tenants = database.open('svc_tenant');
  identity = database.open('svc_identity');
  rotation = database.open('svc_key_rotation');
  addFileKey(folder);
});

afterAll(async () => {
  await database?.close();
  rmSync(folder, { recursive: true, force: true });
});

const put = (org: string, id: string, text: string): Promise<Buffer> =>
  tenants.tenant(org, async (tx) => {
    const sealed = await envelope.seal(tx, org, place(id), text);
    await sql`insert into safe.note (org_id, id, sealed) values (${org}, ${id}, ${sealed})
      on conflict (org_id, id) do update set sealed = excluded.sealed`.execute(tx);
    return sealed;
  });

const get = (org: string, id: string, by = envelope): Promise<string> =>
  tenants.tenant(org, async (tx) => {
    const { rows } = await sql<{ sealed: Buffer }>`select sealed from safe.note where id = ${id}`.execute(tx);
    return (await by.open(tx, org, place(id), rows[0]?.sealed ?? Buffer.alloc(0))).toString();
  });

describe('a sealed value', () => {
  it('opens in its place, also in another process', async () => {
    await put(acme, 'a', 'secret');
    expect(await get(acme, 'a')).toBe('secret');
    expect(await get(acme, 'a', new Envelope('safe', fileKeys(folder)))).toBe('secret');
  });

  it('is another each time', async () => {
    expect((await put(acme, 'a', 'secret')).equals(await put(acme, 'a', 'secret'))).toBe(false);
  });

  it('opens in no other place, for no other owner, and not when a bit was changed', async () => {
    const sealed = await put(acme, 'a', 'secret');
    await put(other, 'a', 'theirs');
    const opened = (org: string, where: typeof seeds | ReturnType<typeof place>, value: Buffer) =>
      tenants.tenant(org, (tx) =>
        envelope.open(tx, org, { table: where.table, column: where.column, id: where.id }, value),
      );
    await expect(opened(acme, place('b'), sealed)).rejects.toThrow(/not of this key and place/);
    await expect(opened(acme, { ...place('a'), column: 'other' }, sealed)).rejects.toThrow(/not of this key/);
    await expect(opened(other, place('a'), sealed)).rejects.toThrow(/not of this key/);
    for (let at = 5; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(opened(acme, place('a'), changed)).rejects.toThrow(/not of this key/);
    }
    await expect(opened(acme, place('a'), sealed.subarray(0, 20))).rejects.toThrow(/cut off/);
    await expect(opened(acme, place('a'), Buffer.from([9, 0, 0, 0, 1, 2]))).rejects.toThrow(/no sealed value/);
  });

  it('gets one data key where many seal at once', async () => {
    const org = newId('org');
    await Promise.all(Array.from({ length: 12 }, (_, i) => put(org, `n${i}`, `text ${i}`)));
    for (let i = 0; i < 12; i++) expect(await get(org, `n${i}`, new Envelope('safe', keks))).toBe(`text ${i}`);
    const { rows } = await database.admin.query('select version from safe.data_key where org_id = $1', [org]);
    expect(rows).toEqual([{ version: 1 }]);
  });

  it('of a person is sealed by the role that comes before an organization, which sees no organization’s key', async () => {
    const at = { table: 'safe.seed', column: 'sealed', id: 'usr' };
    await identity.anywhere(async (tx) => {
      const sealed = await envelope.seal(tx, installation, at, 'seed');
      await sql`insert into safe.seed values ('usr', ${sealed})`.execute(tx);
      expect((await envelope.open(tx, installation, at, sealed)).toString()).toBe('seed');
      const { rows } = await sql`select distinct org_id from safe.data_key`.execute(tx);
      expect(rows).toEqual([{ org_id: installation }]);
    });
  });

  it('leaves nothing readable in the database', async () => {
    const { rows } = await database.admin.query(
      `select string_agg(d::text, '') || (select string_agg(n::text, '') from safe.note n) as dump from safe.data_key d`,
    );
    const dump = String(rows[0]?.dump);
    const kek = readFileSync(join(folder, 'kek-0001.key'), 'utf8').trim();
    for (const encoding of ['utf8', 'hex', 'base64', 'base64url'] as const)
      expect(dump.toLowerCase()).not.toContain(Buffer.from('secret').toString(encoding).toLowerCase());
    expect(dump).not.toContain(Buffer.from(kek, 'base64').toString('hex'));
    expect(statSync(join(folder, 'kek-0001.key')).mode & 0o777).toBe(0o600);
  });
});

describe('rotation', () => {
  it('puts data keys and values under new keys while they are used, as often as asked', async () => {
    for (let i = 0; i < 250; i++) await put(acme, `r${String(i).padStart(3, '0')}`, `text ${i}`);
    expect(addFileKey(folder)).toBe('kek-0002');
    expect(await rewrap(rotation, 'safe', keks)).toBeGreaterThanOrEqual(3);
    expect(await rewrap(rotation, 'safe', keks)).toBe(0);
    rmSync(join(folder, 'kek-0001.key'));
    const fresh = new Envelope('safe', keks);
    expect(await get(acme, 'r007', fresh)).toBe('text 7');
    expect([...(await keysInUse(rotation, 'safe')).keys()]).toEqual(['kek-0002']);
    expect(await renewAll(rotation, 'safe', fresh, keks)).toBeGreaterThanOrEqual(3);
    expect(await renewAll(rotation, 'safe', fresh, keks)).toBe(0);
    expect(await get(acme, 'r007', fresh)).toBe('text 7');
    const writing = put(acme, 'r100', 'written meanwhile');
    const pages: number[] = [];
    const moved = await reseal(rotation, 'safe', fresh, notes, (done) => pages.push(done));
    await writing;
    expect(moved).toBeGreaterThanOrEqual(249);
    expect(pages.length).toBeGreaterThanOrEqual(3);
    expect(await reseal(rotation, 'safe', fresh, notes)).toBeLessThanOrEqual(1);
    expect(await reseal(rotation, 'safe', fresh, seeds)).toBe(1);
    expect(await get(acme, 'r249', fresh)).toBe('text 249');
    expect(await get(acme, 'r100', fresh)).toBe('written meanwhile');
  });

  it('says which key is missing or damaged', async () => {
    writeFileSync(join(folder, 'kek-0003.key'), 'short');
    await expect(keks.newest()).rejects.toThrow(/kek-0003 is damaged/);
    rmSync(join(folder, 'kek-0003.key'));
    await expect(keks.byId('kek-0009')).rejects.toThrow(/kek-0009 can not be read/);
    await expect(keks.byId('../../etc/passwd')).rejects.toThrow(/no such key/);
    await expect(fileKeys(join(folder, 'nowhere')).newest()).rejects.toThrow(/no such key/);
  });

  it('is all that its role may do', async () => {
    for (const statement of [
      'select * from safe.note',
      'delete from safe.note',
      `update safe.note set id = 'x'`,
      'delete from safe.data_key',
    ])
      await expect(rotation.anywhere((tx) => sql.raw(statement).execute(tx))).rejects.toThrow(/permission denied/);
  });
});
