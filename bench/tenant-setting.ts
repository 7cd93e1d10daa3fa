/**
 * What the signed tenant setting costs: the same read of the same rows under the signed setting, under a plain one (which injected SQL could
 * set), and of a table without row-level security whose query names the organization. A point read and a list of 50, each in its own
 * transaction by the bare driver with named statements; rounds of the three are interleaved.
 * Run: node bench/tenant-setting.ts [--seconds 4] [--rounds 5]
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { contextKeyOf, migrate, mintContext, tenantTable } from '@truffle/database';
import { newId } from '@truffle/ids';
import { ensureInstallation } from '@truffle/kit';
import { removeState, startEngines } from '@truffle/local';
import pg from 'pg';
import { median } from './quantile.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '4' }, rounds: { type: 'string', default: '5' } },
});
const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
const connections = 8;
const role = 'svc_ledger_reader';
const stateDir = mkdtempSync(join(tmpdir(), 'truffle-bench-'));
const engines = await startEngines({ stateDir, quiet: true });
const installation = ensureInstallation(join(stateDir, 'installation'));
const key = contextKeyOf(installation.contextMaster, role);
const { databaseUrl } = engines;

await migrate({
  adminUrl: databaseUrl,
  passwords: installation.databasePasswords,
  contextMaster: installation.contextMaster,
  services: [],
});
const orgs = Array.from({ length: 20 }, () => newId('org'));
const ways = ['none', 'plain', 'signed'] as const;
type Way = (typeof ways)[number];
const ids = await makeTables();

/** The same rows three times; returns one id of each organization. */
async function makeTables(): Promise<ReadonlyMap<string, string>> {
  const admin = new pg.Client({ connectionString: databaseUrl });
  await admin.connect();
  await admin.query(`create schema bench; grant usage on schema bench to ${role}`);
  const some = new Map<string, string>();
  const rows = orgs.flatMap((orgId) =>
    Array.from({ length: 200 }, () => {
      const id = newId('evt');
      some.set(orgId, id);
      return { org_id: orgId, id, type: 'thing.happened' };
    }),
  );
  for (const way of ways) {
    const table = `bench.${way}_thing`;
    await admin.query(
      `create table ${table} (org_id text not null, id text not null, type text not null, at timestamptz not null default now(), primary key (org_id, id))`,
    );
    await admin.query(
      `insert into ${table} (org_id, id, type) select org_id, id, type from jsonb_to_recordset($1) as r (org_id text, id text, type text)`,
      [JSON.stringify(rows)],
    );
    if (way === 'none') await admin.query(`grant select on ${table} to ${role}`);
    if (way === 'signed') await admin.query(tenantTable(table, role, 'select'));
    if (way === 'plain')
      await admin.query(`
        alter table ${table} enable row level security; alter table ${table} force row level security;
        create policy tenant on ${table} for all to ${role} using (org_id = (select nullif(current_setting('truffle.org', true), '')));
        grant select on ${table} to ${role}`);
    await admin.query(`analyze ${table}`);
  }
  await admin.end();
  return some;
}

const pool = (() => {
  const url = new URL(databaseUrl);
  url.username = role;
  url.password = installation.databasePasswords[role];
  return new pg.Pool({ connectionString: url.href, max: connections });
})();

const reads = {
  point: { text: 'select id, type, at from TABLE where id = $1 WHERE', rows: 1 },
  list: { text: 'select id, type, at from TABLE where id <= $1 WHERE order by id desc limit 50', rows: 50 },
} as const;
type Read = keyof typeof reads;

/** begin, the setting, the read, commit: as every transaction of the product, one after another. */
async function once(way: Way, read: Read, orgId: string): Promise<void> {
  const id = ids.get(orgId) ?? '';
  const client = await pool.connect();
  await client.query('begin');
  if (way === 'plain')
    await client.query({ name: 'plain', text: `select set_config('truffle.org', $1, true)`, values: [orgId] });
  else
    // Without row-level security the setting is sent too and read by nobody: only the policy differs.
    await client.query({
      name: 'signed',
      text: `select set_config('truffle.ctx', $1, true)`,
      values: [way === 'signed' ? mintContext(key, orgId, Date.now()) : orgId],
    });
  const { rows } = await client.query({
    name: `${way} ${read}`,
    text: reads[read].text
      .replace('TABLE', `bench.${way}_thing`)
      .replace('WHERE', way === 'none' ? 'and org_id = $2' : ''),
    values: way === 'none' ? [id, orgId] : [id],
  });
  await client.query('commit');
  client.release();
  if (rows.length !== reads[read].rows) throw new Error(`${way} ${read}: ${rows.length} rows were read`);
}

/** Transactions per second over all connections. */
async function throughput(way: Way, read: Read): Promise<number> {
  const run = async (until: number): Promise<number> => {
    const counts = await Promise.all(
      Array.from({ length: connections }, async (_, lane) => {
        let count = 0;
        while (performance.now() < until) await once(way, read, orgs[(lane + count++) % orgs.length] ?? '');
        return count;
      }),
    );
    return counts.reduce((a, b) => a + b);
  };
  await run(performance.now() + 300);
  return (await run(performance.now() + seconds * 1_000)) / seconds;
}

try {
  for (const read of Object.keys(reads) as Read[]) {
    const found = new Map<Way, number[]>(ways.map((way) => [way, []]));
    for (let round = 0; round < rounds; round++)
      for (const way of ways) found.get(way)?.push(await throughput(way, read));
    for (const way of ways) {
      const all = found.get(way) ?? [];
      const ratios = (beside: Way) => all.map((value, i) => value / (found.get(beside)?.[i] ?? Number.NaN));
      process.stdout.write(
        `${read.padEnd(6)} ${way.padEnd(7)} ${median(all).toFixed(0).padStart(6)}/s  ${median(ratios('none')).toFixed(2)}x of none  ` +
          `${median(ratios('plain')).toFixed(2)}x of plain  (${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)})\n`,
      );
    }
  }
} finally {
  await pool.end();
  await engines.stop();
  removeState(stateDir);
}
