/**
 * Spike (b): a tenant-scoped read through kysely with named statements under the signed setting, beside the same transaction sent by a
 * bare driver and by pgbench, and through pgbouncer in transaction mode where `PGBOUNCER` names its binary (and `PGBOUNCER_USER` whom to run it as).
 * Run: node bench/tenant-read.ts
 */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { appendEvent, contextKeyOf, Database, migrate, mintContext, type LedgerTables } from '@truffle/database';
import { newId } from '@truffle/ids';
import { ensureInstallation } from '@truffle/kit';
import { startEngines } from '@truffle/local';
import pg from 'pg';

const connections = 8;
const seconds = 4;
const rounds = 3;
const role = 'svc_ledger_reader';
const stateDir = mkdtempSync(join(tmpdir(), 'truffle-bench-'));
const engines = await startEngines({ stateDir, quiet: true });
const installation = ensureInstallation(join(stateDir, 'installation'));
const key = contextKeyOf(installation.contextMaster, role);
const password = installation.databasePasswords[role];
const orgs = Array.from({ length: 20 }, () => newId('org'));
const ids = new Map<string, string>();

await migrate({
  adminUrl: engines.databaseUrl,
  passwords: installation.databasePasswords,
  contextMaster: installation.contextMaster,
  services: [],
});
const writer = new Database<LedgerTables>({
  url: engines.databaseUrl,
  role: 'svc_orchestration',
  password: installation.databasePasswords.svc_orchestration,
  contextKey: contextKeyOf(installation.contextMaster, 'svc_orchestration'),
});
for (const orgId of orgs)
  await writer.tenant(orgId, async (tx) => {
    for (let i = 0; i < 200; i++)
      ids.set(
        orgId,
        await appendEvent(
          tx,
          { subject: 'svc:bench', requestId: 'request-1' },
          { orgId, name: 'thing.happened', resourceId: orgId, data: { i } },
        ),
      );
  });
await writer.close();

const roleUrl = (base: string): string => {
  const url = new URL(base);
  url.username = role;
  url.password = password;
  return url.href;
};
const select = 'select id, type, occurred_at from ledger.event where id = $1';

type Once = (orgId: string, id: string) => Promise<{ org_id?: string; rows: number }>;

async function throughput(once: Once): Promise<number> {
  const run = async (until: number): Promise<number> => {
    const counts = await Promise.all(
      Array.from({ length: connections }, async (_, lane) => {
        let count = 0;
        while (performance.now() < until) {
          const orgId = orgs[(lane + count) % orgs.length] ?? '';
          if ((await once(orgId, ids.get(orgId) ?? '')).rows !== 1) throw new Error('the row was not read');
          count++;
        }
        return count;
      }),
    );
    return counts.reduce((a, b) => a + b);
  };
  await run(performance.now() + 500);
  return (await run(performance.now() + seconds * 1000)) / seconds;
}

/** The product's own way. */
function throughKysely(url: string): { once: Once; close: () => Promise<void> } {
  const database = new Database<LedgerTables>({ url, role, password, contextKey: key, connections });
  return {
    once: async (orgId, id) => {
      const rows = await database.tenant(orgId, (tx) =>
        tx.selectFrom('ledger.event').select(['id', 'type', 'occurred_at']).where('id', '=', id).execute(),
      );
      return { rows: rows.length };
    },
    close: () => database.close(),
  };
}

/** The same transaction, by the driver alone: named statements; `pipelined` sends them without waiting in between. */
function throughDriver(
  pipelined: boolean,
  base = engines.databaseUrl,
  named = true,
): { once: Once; close: () => Promise<void> } {
  const pool = new pg.Pool({ connectionString: roleUrl(base), max: connections, pipeline: pipelined });
  const name = (text: string): { name?: string } => (named ? { name: text } : {});
  return {
    once: async (orgId, id) => {
      const client = await pool.connect();
      const sent = [
        () => client.query('begin'),
        () =>
          client.query({
            ...name('ctx'),
            text: `select set_config('truffle.ctx', $1, true)`,
            values: [mintContext(key, orgId, Date.now())],
          }),
        () => client.query({ ...name('read'), text: select, values: [id] }),
        () => client.query('commit'),
      ];
      const results = pipelined ? await Promise.all(sent.map((send) => send())) : [];
      if (!pipelined) for (const send of sent) results.push(await send());
      client.release();
      return { rows: results[2]?.rows.length ?? 0 };
    },
    close: () => pool.end(),
  };
}

/** pgbench, prepared, doing the same transaction with a setting that was minted for it. */
async function throughPgbench(): Promise<number | undefined> {
  const orgId = orgs[0] ?? '';
  const script = join(stateDir, 'read.sql');
  // pgbench takes this as text of the script, not as a bind parameter: the only difference.
  const setting = mintContext(key, orgId, Date.now());
  writeFileSync(
    script,
    `begin;\nselect set_config('truffle.ctx', '${setting}', true);\nselect id, type, occurred_at from ledger.event where id = '${ids.get(orgId)}';\ncommit;\n`,
  );
  try {
    const { stdout } = await promisify(execFile)('pgbench', [
      '-n',
      '-M',
      'prepared',
      '-c',
      String(connections),
      '-j',
      '1',
      '-T',
      String(seconds),
      '-f',
      script,
      roleUrl(engines.databaseUrl),
    ]);
    return Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
  } catch (error) {
    console.error(`pgbench: left out (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`);
    return undefined;
  }
}

async function startPooler(): Promise<{ url: string; named: boolean; stop: () => void } | undefined> {
  const binary = process.env['PGBOUNCER'];
  if (!binary) return undefined;
  const { stdout } = await promisify(execFile)(binary, ['--version']);
  const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
  // Named statements in transaction mode came with 1.21.
  const named = Number(major) * 100 + Number(minor) >= 121;
  const at = new URL(engines.databaseUrl);
  const port = await new Promise<number>((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
  const folder = mkdtempSync(join(tmpdir(), 'truffle-pgbouncer-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'users.txt'), `"${role}" "${password}"\n`);
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    `[databases]\n* = host=${at.hostname} port=${at.port}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=${port}\nunix_socket_dir=\nauth_type=plain\nauth_file=${folder}/users.txt\npool_mode=transaction\ndefault_pool_size=3\n${named ? 'max_prepared_statements=200\n' : ''}ignore_startup_parameters=options\n`,
  );
  const user = process.env['PGBOUNCER_USER'];
  const child = user
    ? spawn('setpriv', ['--reuid', user, '--regid', user, '--clear-groups', binary, join(folder, 'pgbouncer.ini')])
    : spawn(binary, [join(folder, 'pgbouncer.ini')]);
  const log: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => log.push(chunk));
  const deadline = Date.now() + 10_000;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = net
        .connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)))
        .on('error', () => resolve(false));
    });
    if (open) break;
    if (Date.now() > deadline || child.exitCode !== null)
      throw new Error(`pgbouncer did not start: ${Buffer.concat(log).toString().slice(-500)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const url = new URL(engines.databaseUrl);
  url.port = String(port);
  return {
    url: url.href,
    named,
    stop: () => (child.kill('SIGTERM'), rmSync(folder, { recursive: true, force: true })),
  };
}

/** Many transactions of all organizations at once over few server connections: each must see its own rows and nothing else. */
async function leaks(base: string, named: boolean): Promise<{ transactions: number; foreign: number }> {
  const pool = new pg.Pool({ connectionString: roleUrl(base), max: 24 });
  let [transactions, foreign] = [0, 0];
  await Promise.all(
    Array.from({ length: 24 }, async (_, lane) => {
      for (let i = 0; i < 250; i++) {
        const orgId = orgs[(lane * 7 + i) % orgs.length] ?? '';
        // Every tenth sets no tenant: it must see nothing, whatever the transaction before it on that connection set.
        const bare = i % 10 === 9;
        const client = await pool.connect();
        await client.query('begin');
        if (!bare)
          await client.query({
            ...(named ? { name: 'ctx' } : {}),
            text: `select set_config('truffle.ctx', $1, true)`,
            values: [mintContext(key, orgId, Date.now())],
          });
        const { rows } = await client.query<{ org_id: string }>({
          ...(named ? { name: 'orgs' } : {}),
          text: 'select distinct org_id from ledger.event',
        });
        await client.query('commit');
        client.release();
        transactions++;
        if (bare ? rows.length > 0 : rows.length !== 1 || rows[0]?.org_id !== orgId) foreign++;
      }
    }),
  );
  await pool.end();
  return { transactions, foreign };
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const spread = (values: number[]): string =>
  `${Math.round((100 * (Math.max(...values) - Math.min(...values))) / median(values))} %`;

const pooler = await startPooler();
try {
  const ways = [
    { name: 'kysely (the product)', way: throughKysely(engines.databaseUrl) },
    { name: 'bare pg, named, one by one', way: throughDriver(false) },
    { name: 'bare pg, named, pipelined', way: throughDriver(true) },
    ...(pooler
      ? [
          pooler.named
            ? { name: 'kysely, pgbouncer in transaction mode', way: throughKysely(pooler.url) }
            : { name: 'bare pg, unnamed, pgbouncer', way: throughDriver(false, pooler.url, false) },
        ]
      : []),
  ];
  const results = new Map<string, number[]>();
  const note = (name: string, value: number): void => void results.set(name, [...(results.get(name) ?? []), value]);
  // Interleaved, so that a noisy neighbour disturbs all of them alike.
  for (let round = 0; round < rounds; round++) {
    for (const { name, way } of ways) note(name, await throughput(way.once));
    const bench = await throughPgbench();
    if (bench !== undefined) note('pgbench, prepared', bench);
  }
  for (const { way } of ways) await way.close();
  const base = median(results.get('pgbench, prepared') ?? results.get('bare pg, named, one by one') ?? []);
  console.log(
    `begin + signed setting + point read + commit, ${connections} connections, ${rounds} rounds of ${seconds} s`,
  );
  for (const [name, values] of results)
    console.log(
      `${name.padEnd(46)} ${Math.round(median(values)).toString().padStart(7)}/s  ${(median(values) / base).toFixed(2)}x  noise ${spread(values)}`,
    );
  console.log('own rows only, direct:', await leaks(engines.databaseUrl, true));
  if (pooler)
    console.log('own rows only, through the pooler (3 server connections):', await leaks(pooler.url, pooler.named));
} finally {
  pooler?.stop();
  await engines.stop();
  rmSync(stateDir, { recursive: true, force: true });
}
