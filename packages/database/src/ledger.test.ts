import { personOf } from '@truffle/audit';
import { testDatabase, type TestDatabase } from '@truffle/testkit';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { databaseErrorCode } from './database.ts';
import { appendEvent, type EventAuthor } from './ledger.ts';
import { foundations } from './migrate.foundations.ts';
import { serviceRoles, type ServiceRole } from './roles.ts';

const orgId = 'org_a';
const ada: EventAuthor = {
  subject: 'svc:orchestration',
  onBehalfOf: 'user:usr_1',
  displayName: 'Ada "L" \u2028 ü',
  address: '192.0.2.7',
  userAgent: 'truffle/0.1',
  requestId: 'req_1',
};
let test: TestDatabase;

beforeEach(async () => {
  test = await testDatabase([]);
});
afterEach(() => test?.close());

const append = (author: EventAuthor, count = 1) =>
  test.open<object>('svc_orchestration').tenant(orgId, async (tx) => {
    for (let i = 0; i < count; i++)
      await appendEvent(tx, author, { orgId, name: 'thing.happened', resourceId: 'clu_1', data: { i } });
  });

describe('the ledger', () => {
  it('cannot be changed by any role that services have', async () => {
    await append(ada);
    await test.admin.query(`update ledger.event set n = 1, hash = decode(repeat('00', 32), 'hex')`);
    await test.admin.query(
      `insert into ledger.checkpoint values ('${orgId}', 1, 'head', decode('00', 'hex'), 'now', 'k', 's')`,
    );
    const attempts = ['event', 'person', 'checkpoint'].flatMap((table) => [
      `update ledger.${table} set org_id = 'org_b'`,
      `delete from ledger.${table}`,
      `truncate ledger.${table}`,
    ]);
    attempts.push(
      `update ledger.event set data = '{}'`,
      `update ledger.event set n = 7`,
      `update ledger.event set hash = decode('00', 'hex')`,
      `update ledger.person set name = 'Eve'`,
      `update ledger.checkpoint set signature = 'x'`,
      `alter table ledger.event disable trigger keep`,
      `drop table ledger.event`,
    );
    const before = await everything();
    // Retention may remove checkpoints that are older than its own, and a person's row that no event names.
    const allowed = ['svc_ledger_keeper delete from ledger.checkpoint', 'svc_ledger_keeper delete from ledger.person'];
    const passed: string[] = [];
    for (const role of Object.keys(serviceRoles) as ServiceRole[]) {
      const database = test.open<object>(role);
      for (const attempt of attempts) {
        if (allowed.includes(`${role} ${attempt}`)) continue;
        const code = await database
          .tenant(orgId, (tx) => sql.raw(attempt).execute(tx))
          .then(() => 'done', databaseErrorCode);
        if (code !== '42501' && code !== 'TF409') passed.push(`${role}: ${attempt}: ${code}`);
      }
      await database.close();
    }
    expect(passed).toEqual([]);
    expect(await everything()).toBe(before);
  }, 60_000);

  it('keeps what is personal beside the events, once for all events of the same, and erases it there', async () => {
    await append(ada, 3);
    await append({ ...ada, address: '2001:db8::1' });
    await append({ subject: 'svc:x', requestId: 'req_2' });
    const { rows } = await test.admin.query(
      `select id, subject, salt, name, address, user_agent from ledger.person order by address`,
    );
    expect(rows).toHaveLength(2);
    const { id, salt, subject, ...data } = rows[0];
    expect([subject, data.name, data.address]).toEqual(['user:usr_1', ada.displayName, '192.0.2.7']);
    expect(personOf(salt, subject, data)).toBe(id);
    const events = await test.admin.query(`select to_jsonb(e)::text as text, person from ledger.event e`);
    expect(events.rows.filter((row) => row.person === id)).toHaveLength(3);
    expect(events.rows.map((row) => row.text).join()).not.toMatch(/Ada|192\.0|2001/);
    const keeper = test.open<object>('svc_ledger_keeper');
    await keeper.anywhere((tx) =>
      sql`update ledger.person set salt = null, name = null, address = null, user_agent = null, erased_at = now()`.execute(
        tx,
      ),
    );
    // The same process names the same row again: what is erased stays so.
    await append(ada);
    const left = await test.admin.query(`select 1 from ledger.person where name is not null or salt is not null`);
    expect(left.rows).toEqual([]);
  });

  it('gives events of before their names a place beside them, and lets them be chained anew', async () => {
    const { '001_context': first, '002_ledger': second, '003_audit': third } = foundations.migrations;
    const client = await test.admin.connect();
    try {
      await client.query(
        'drop schema ledger cascade; drop schema ctx cascade; create schema ledger authorization truffle_owner',
      );
      for (const step of [first, second])
        await client.query(`begin; set local role truffle_owner; ${step}; reset role; commit`);
      await client.query(`
        insert into ledger.event (id, org_id, n, type, resource_id, actor_subject, actor_on_behalf_of, actor_name, request_id, data, hash) values
          ('evt_1', 'org_a', 1, 't', 'r', 'user:usr_1', null, E'Ada "L" \\u2028 \\t ü', 'q', '{}', '\\x01'),
          ('evt_2', 'org_a', 2, 't', 'r', 'svc:x', 'user:usr_1', E'Ada "L" \\u2028 \\t ü', 'q', '{}', '\\x02'),
          ('evt_3', 'org_a', 3, 't', 'r', 'svc:x', null, null, 'q', '{}', '\\x03');
        insert into ledger.head (org_id, n, hash, published_n) values ('org_a', 3, '\\x03', 3)`);
      await client.query(`begin; set local role truffle_owner; ${third}; reset role; commit`);
      const { rows: people } = await client.query('select * from ledger.person');
      expect(people).toHaveLength(1);
      const { id, subject, salt, name, address, user_agent } = people[0];
      expect([subject, name]).toEqual(['user:usr_1', 'Ada "L" \u2028 \t ü']);
      expect(personOf(salt, subject, { name, address, user_agent })).toBe(id);
      const { rows: events } = await client.query('select n, hash, person from ledger.event order by n');
      expect(events).toEqual([
        { n: '1', hash: null, person: id },
        { n: '2', hash: null, person: id },
        { n: '3', hash: null, person: null },
      ]);
      expect((await client.query('select n, published_n from ledger.head')).rows).toEqual([
        { n: '0', published_n: '3' },
      ]);
    } finally {
      await client.query('reset role');
      client.release();
    }
  });
});

async function everything(): Promise<string> {
  const { rows } = await test.admin.query<{ text: string }>(
    `select string_agg(t, '' order by t) as text from (
       select to_jsonb(e)::text as t from ledger.event e union all select to_jsonb(p)::text from ledger.person p
       union all select to_jsonb(c)::text from ledger.checkpoint c union all select to_jsonb(h)::text from ledger.head h) x`,
  );
  return rows[0]?.text ?? '';
}
