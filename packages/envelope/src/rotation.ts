import type { Database } from '@truffle/database';
import { sql } from 'kysely';
import { installation, type DataKeyTable, type SealedColumn } from './data-key.ts';
import { versionOf, wrappingContext, type Envelope } from './envelope.ts';
import { EnvelopeError, type KeyEncryptionKeys } from './key-encryption-key.ts';

/** Rows that one step looks at. */
const step = 100;

/**
 * Puts every data key of `schema` under the newest key-encryption key, a few at a time. May be ended and begun again at any time; when it is
 * through, older key-encryption keys are needed for nothing. @param database as `svc_key_rotation`
 * @returns how many were put under another key
 */
export async function rewrap(database: Database<unknown>, schema: string, keks: KeyEncryptionKeys): Promise<number> {
  const table = sql.table(`${schema}.data_key`);
  const newest = await keks.newest();
  for (let done = 0; ;) {
    const moved = await database.anywhere(async (tx) => {
      const { rows } = await sql<DataKeyTable>`
        select * from ${table} where kek_id <> ${newest.id} order by org_id, version limit ${step} for update skip locked`.execute(
        tx,
      );
      for (const row of rows) {
        const context = wrappingContext(row.org_id, row.version);
        const key = await (await keks.byId(row.kek_id)).unwrap(row.wrapped, context);
        await sql`
          update ${table} set kek_id = ${newest.id}, wrapped = ${await newest.wrap(key, context)}
          where org_id = ${row.org_id} and version = ${row.version}`.execute(tx);
      }
      return rows.length;
    });
    done += moved;
    if (moved === 0) return done;
  }
}

/**
 * Gives every owner whose data key is of an older key-encryption key a new one, once for each: run again, it renews nothing.
 * @param database as `svc_key_rotation` @returns how many owners got one
 */
export async function renewAll(
  database: Database<unknown>,
  schema: string,
  envelope: Envelope,
  keks: KeyEncryptionKeys,
): Promise<number> {
  const newest = await keks.newest();
  let last = '';
  for (let renewed = 0; ;) {
    const page = await database.anywhere(async (tx) => {
      const { rows } = await sql<Pick<DataKeyTable, 'org_id' | 'made_under'>>`
        select distinct on (org_id) org_id, made_under from ${sql.table(`${schema}.data_key`)}
        where org_id > ${last} order by org_id, version desc limit ${step}`.execute(tx);
      const old = rows.filter((row) => row.made_under !== newest.id);
      for (const { org_id } of old) await envelope.renew(tx, org_id);
      return { end: rows.at(-1)?.org_id, renewed: old.length };
    });
    renewed += page.renewed;
    if (page.end === undefined) return renewed;
    last = page.end;
  }
}

/** Tries every key-encryption key that wraps a data key on one of them. @throws EnvelopeError for one that is missing or another of its name */
export async function demandKeys(database: Database<unknown>, schema: string, keks: KeyEncryptionKeys): Promise<void> {
  const { rows } = await database.anywhere((tx) =>
    sql<DataKeyTable>`
      select distinct on (kek_id) * from ${sql.table(`${schema}.data_key`)} order by kek_id, org_id, version`.execute(
      tx,
    ),
  );
  for (const { kek_id, wrapped, org_id, version } of rows) {
    const kek = await keks.byId(kek_id);
    await kek.unwrap(wrapped, wrappingContext(org_id, version)).catch((cause: unknown) => {
      throw new EnvelopeError(
        `${kek_id} is not the key of that name that this database knows; put the right one there`,
        {
          cause,
        },
      );
    });
  }
}

/** How many data keys each key-encryption key wraps: one that is not among them is needed for nothing in this database. */
export async function keysInUse(database: Database<unknown>, schema: string): Promise<ReadonlyMap<string, number>> {
  return database.anywhere(async (tx) => {
    const { rows } = await sql<{ kek_id: string; count: string }>`
      select kek_id, count(*) from ${sql.table(`${schema}.data_key`)} group by kek_id order by kek_id`.execute(tx);
    return new Map(rows.map((row) => [row.kek_id, Number(row.count)]));
  });
}

/**
 * Seals every value of a column anew where it is not under its owner's newest data key. A value that changed meanwhile is left as it is: it was
 * sealed with the newest. May be ended and begun again at any time. @param progress is told after each page how many were sealed anew so far
 * @returns how many were sealed anew
 */
export async function reseal(
  database: Database<unknown>,
  schema: string,
  envelope: Envelope,
  column: SealedColumn,
  progress: (done: number) => void = () => undefined,
): Promise<number> {
  const { table, column: name, id, owner } = column;
  const ownerOf = owner === '' ? sql<string>`${installation}::text` : sql.ref<string>(owner);
  let last = ['', ''];
  for (let done = 0; ;) {
    const [seen, sealed, end] = await database.anywhere(async (tx) => {
      const { rows } = await sql<{ owner: string; id: string; value: Buffer; newest: number }>`
        select ${ownerOf} as owner, ${sql.ref(id)} as id, ${sql.ref(name)} as value,
          (select max(k.version) from ${sql.table(`${schema}.data_key`)} k where k.org_id = ${ownerOf}) as newest
        from ${sql.table(table)}
        where ${sql.ref(name)} is not null and (${ownerOf}, ${sql.ref(id)}) > (${last[0]}, ${last[1]})
        order by 1, 2 limit ${step}`.execute(tx);
      let moved = 0;
      for (const row of rows) {
        if (versionOf(row.value) === row.newest) continue;
        const place = { table, column: name, id: row.id };
        const plain = await envelope.open(tx, row.owner, place, row.value);
        const again = await envelope.seal(tx, row.owner, place, plain);
        const { numAffectedRows } = await sql`
          update ${sql.table(table)} set ${sql.ref(name)} = ${again}
          where ${sql.ref(id)} = ${row.id} and ${sql.ref(name)} = ${row.value}`.execute(tx);
        moved += Number(numAffectedRows ?? 0n);
      }
      return [rows.length, moved, rows.at(-1)] as const;
    });
    done += sealed;
    progress(done);
    if (seen < step) return done;
    last = [end?.owner ?? '', end?.id ?? ''];
  }
}
