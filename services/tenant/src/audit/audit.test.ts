import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCheckpoint, verifyExport, type Checkpoint } from '@truffle/audit';
import type { TruffleClient } from '@truffle/api';
import { Role } from '@truffle/api/tenant/v1/account';
import { AuditFormat } from '@truffle/api/tenant/v1/audit';
import { makeBillingModule, billingMigrations } from '@truffle/billing';
import type { LedgerTables } from '@truffle/database';
import { createLogger } from '@truffle/telemetry';
import {
  eventsOrdered,
  testDatabase,
  testEngines,
  testHost,
  until,
  type TestDatabase,
  type TestHost,
} from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendMany } from '../event/ledger.fixture.ts';
import { makeTenantModule, tenantMigrations } from '../index.ts';
import { csvCell } from './audit.export.ts';
import { removeOld, type KeeperParts } from './audit.keeper.ts';
import { CheckpointSigner } from './audit.signer.ts';
import { folderSink } from './audit.sink.ts';

const logger = createLogger('test', 'silent');
const folder = mkdtempSync(join(tmpdir(), 'truffle-checkpoints-'));
let database: TestDatabase;
let host: TestHost;

beforeAll(async () => {
  database = await testDatabase([tenantMigrations, billingMigrations]);
  host = await testHost(
    database,
    { tenant: makeTenantModule, billing: makeBillingModule },
    { TRUFFLE_AUDIT_CHECKPOINTS_DIR: folder, TRUFFLE_AUDIT_CHECKPOINT_SECONDS: '1' },
  );
});

afterAll(async () => {
  await host?.close();
  await database?.close();
  rmSync(folder, { recursive: true, force: true });
});

const keyFolder = (): string => testEngines().installation.env.TRUFFLE_SERVICE_KEYS_DIR;
const publicKeys = () => [createPublicKey(readFileSync(join(keyFolder(), 'audit.pub.pem')))];

async function signUp(name: string): Promise<{ client: TruffleClient; orgId: string; userId: string }> {
  const up = await host
    .client()
    .accounts.signUp({ email: `${name}@example.com`, password: 'correct horse battery', orgName: name });
  return { client: host.client(up.sessionToken), orgId: up.organization?.id ?? '', userId: up.user?.id ?? '' };
}

async function exported(client: TruffleClient, orgId: string, format = AuditFormat.JSON_LINES): Promise<string> {
  await eventsOrdered(database, orgId);
  const chunks: Uint8Array[] = [];
  for await (const { chunk } of client.audit.exportAuditRecords({ orgId, format })) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const secondPlace = (orgId: string): Checkpoint[] =>
  readFileSync(join(folder, `${orgId}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => readCheckpoint((JSON.parse(line) as { checkpoint: unknown }).checkpoint));

const proven = (orgId: string) =>
  until(
    'a checkpoint covers the newest event',
    async () => {
      const { rows } = await database.admin.query('select 1 from ledger.head where org_id = $1 and checkpoint_n = n', [
        orgId,
      ]);
      return rows.length === 1;
    },
    20_000,
  );

describe('an export', () => {
  it('is proven without a server, over many pages, and shows what was done to the database', async () => {
    const { client, orgId } = await signUp('ada');
    await appendMany(database.open<LedgerTables>('svc_orchestration'), orgId, 1_300);
    await eventsOrdered(database, orgId);
    await proven(orgId);
    const text = await exported(client, orgId);
    const checkpoints = secondPlace(orgId);
    const verdict = await verifyExport(text.split('\n'), { checkpoints, publicKeys: publicKeys() });
    expect(verdict).toMatchObject({ orgId, first: 1n, unproven: 0n, faults: [] });
    expect(verdict.records).toBeGreaterThan(1_300);
    // Somebody with the whole database drops the newest events and their checkpoints: the second place knows better.
    const cut = text
      .split('\n')
      .filter((line) => !line.includes('"checkpoint"'))
      .slice(0, 1_000);
    expect((await verifyExport(cut, { checkpoints, publicKeys: publicKeys() })).faults[0]?.kind).toBe('TAIL_MISSING');
    await database.admin.query(`alter table ledger.event disable trigger keep;
      update ledger.event set data = '{"i": -1}' where org_id = '${orgId}' and n = 700; alter table ledger.event enable trigger keep`);
    const tampered = await exported(client, orgId);
    expect(
      (await verifyExport(tampered.split('\n'), { checkpoints, publicKeys: publicKeys() })).faults[0]?.text,
    ).toContain('event 700');
    expect(tampered.trim().split('\n').at(-1)).not.toContain('"checkpoint"');
  }, 60_000);

  it('is recorded itself, and as CSV no cell is a formula', async () => {
    const { client, orgId } = await signUp('csv');
    await client.apiKeys.createApiKey({ scopeId: orgId, name: 'ci', role: Role.VIEWER });
    const csv = await exported(client, orgId, AuditFormat.CSV);
    const [head, ...rows] = csv.trim().split('\r\n');
    expect(head).toBe(
      'n,time,type,action,result,actor,on_behalf_of,name,address,user_agent,resource,project,request,data',
    );
    expect(rows.some((row) => row.includes('dev.truffle.api_key.created.v1,api_key.create,OK,user:usr_'))).toBe(true);
    await eventsOrdered(database, orgId);
    const { records } = await client.audit.listAuditRecords({ orgId, filter: { action: 'audit.export' } });
    expect(records[0]?.event).toMatchObject({ type: 'dev.truffle.call.read.v1', result: 'OK' });
    expect(['=1+1', '+1', '-1', '@x', '\t=1', ' =1', 'a"b', 'a,b', 'plain'].map(csvCell)).toEqual([
      `"'=1+1"`,
      `"'+1"`,
      `"'-1"`,
      `"'@x"`,
      `"'\t=1"`,
      `"' =1"`,
      '"a""b"',
      '"a,b"',
      'plain',
    ]);
  });
});

describe('a search', () => {
  it('filters by actor, action, resource, result, address and time, pages, and shows what changed', async () => {
    const { client, orgId, userId } = await signUp('bea');
    await client.workspaces.createWorkspace({ orgId, name: 'second' });
    await client.workspaces.createWorkspace({ orgId, name: 'third' });
    await eventsOrdered(database, orgId);
    const find = async (filter: Parameters<TruffleClient['audit']['listAuditRecords']>[0]['filter']) =>
      (await client.audit.listAuditRecords({ orgId, filter })).records.map((r) =>
        r.event?.type.split('.').slice(2, 4).join('.'),
      );
    expect(await find({ action: 'workspace.create' })).toEqual(['workspace.created', 'workspace.created']);
    expect(await find({ action: 'workspace.*' })).toHaveLength(3);
    expect(await find({ actor: `user:${userId}`, action: 'dev.truffle.workspace.created.v1' })).toHaveLength(3);
    expect(await find({ actor: 'user:usr_nobody' })).toEqual([]);
    expect(await find({ resourceId: userId })).toEqual(['account.signed_up']);
    expect(await find({ result: 'REFUSED' })).toEqual([]);
    expect((await find({ address: '127.0.0.1' })).length).toBeGreaterThan(4);
    expect(await find({ address: '192.0.2.1' })).toEqual([]);
    expect(await find({ until: { seconds: 1n, nanos: 0 } })).toEqual([]);
    const first = await client.audit.listAuditRecords({ orgId, page: { size: 2 } });
    const rest = await client.audit.listAuditRecords({ orgId, page: { size: 500, token: first.page?.next ?? '' } });
    const numbers = [...first.records, ...rest.records].map((r) => Number(r.event?.n));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => numbers.length - i));
    expect(first.records[0]).toMatchObject({
      address: '127.0.0.1',
      erased: false,
      changes: [{ path: 'name', before: '', after: '"third"' }],
    });
  });
});

describe('a person', () => {
  it('is erased from the trail, which stays proven, and from the live view', async () => {
    const { client, orgId, userId } = await signUp('eve');
    const before = await exported(client, orgId);
    expect(before).toContain('eve@example.com');
    const { erased } = await client.audit.eraseAuditSubject({ orgId, subject: `user:${userId}` });
    expect(erased).toBeGreaterThan(0n);
    const after = await exported(client, orgId);
    const old = after.split('\n').slice(0, 4).join('\n');
    expect(old).not.toContain('eve@example.com');
    expect(old).not.toContain('127.0.0.1');
    expect((await verifyExport(after.split('\n'), { checkpoints: [], publicKeys: publicKeys() })).faults).toEqual([]);
    const { events } = await client.events.listEvents({ orgId, page: { size: 1 } });
    expect(events[0]?.actor).toMatchObject({ subject: `user:${userId}`, displayName: '' });
  });
});

describe('retention', () => {
  it('removes what is old in batches, and what is left is proven from the checkpoint that stands for it', async () => {
    const { client, orgId } = await signUp('old');
    const writer = database.open<LedgerTables>('svc_orchestration');
    await appendMany(writer, orgId, 2_500);
    await eventsOrdered(database, orgId);
    const days = new Map([[orgId, 30]]);
    const parts: KeeperParts = {
      database: database.open<LedgerTables>('svc_ledger_keeper'),
      writer,
      signer: new CheckpointSigner(keyFolder()),
      sink: folderSink(folder),
      now: () => new Date(),
      logger,
      retentionDays: async (id) => days.get(id) ?? 0,
      checkpointSeconds: 60,
    };
    const count = async () =>
      Number(
        (await database.admin.query('select count(*) from ledger.event where org_id = $1', [orgId])).rows[0].count,
      );
    const all = await count();
    await removeOld(parts, new AbortController().signal);
    expect(await count()).toBe(all);
    const later = { ...parts, now: () => new Date(Date.now() + 31 * 86_400_000) };
    await until(
      'it is published, which retention waits for',
      async () =>
        (await database.admin.query('select 1 from ledger.head where org_id = $1 and published_n = n', [orgId])).rows
          .length === 1,
      30_000,
    );
    await removeOld(later, new AbortController().signal);
    expect(await count()).toBeLessThan(4);
    const text = await exported(client, orgId);
    const verdict = await verifyExport(text.split('\n'), { checkpoints: secondPlace(orgId), publicKeys: publicKeys() });
    expect(verdict.faults).toEqual([]);
    expect(verdict.first).toBeGreaterThan(2_500n);
    const left = await database.admin.query(
      'select 1 from ledger.person p where org_id = $1 and not exists (select 1 from ledger.event e where e.person = p.id)',
      [orgId],
    );
    expect(left.rows).toEqual([]);
  }, 60_000);

  it('is a matter of the plan', async () => {
    const { client } = await signUp('trial');
    const { plans } = await client.plans.listPlans({});
    expect(plans.map((plan) => [plan.name, plan.auditRetentionDays])).toEqual([
      ['self-hosted-unlimited', 0],
      ['trial', 30],
    ]);
  });
});
