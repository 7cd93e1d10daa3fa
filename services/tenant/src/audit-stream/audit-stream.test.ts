import type { TruffleClient } from '@truffle/api';
import { AuditStreamKind, AuditStreamState } from '@truffle/api/tenant/v1/audit_stream';
import { makeBillingModule, billingMigrations } from '@truffle/billing';
import type { LedgerTables } from '@truffle/database';
import { testDatabase, testHost, until, type TestDatabase, type TestHost } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendMany } from '../event/ledger.fixture.ts';
import { makeTenantModule, tenantMigrations } from '../index.ts';
import {
  isSigned,
  localCertificate,
  syslogReceiver,
  webhookReceiver,
  type Certificate,
  type WebhookReceiver,
} from './receiver.fixture.ts';

const makers = { tenant: makeTenantModule, billing: makeBillingModule };
let database: TestDatabase;
let host: TestHost;
let certificate: Certificate;

const open = (env: Readonly<Record<string, string>> = {}): Promise<TestHost> =>
  testHost(database, makers, { TRUFFLE_OUTGOING_ALLOW: 'localhost', ...env });

beforeAll(async () => {
  certificate = await localCertificate();
  database = await testDatabase([tenantMigrations, billingMigrations]);
  host = await open();
});

afterAll(async () => {
  await host?.close();
  await database?.close();
});

async function signUp(name: string): Promise<{ client: TruffleClient; orgId: string; token: string }> {
  const up = await host
    .client()
    .accounts.signUp({ email: `${name}@example.com`, password: 'correct horse battery', orgName: name });
  return { client: host.client(up.sessionToken), orgId: up.organization?.id ?? '', token: up.sessionToken };
}

const append = (orgId: string, count: number) =>
  appendMany(
    database.open<LedgerTables>('svc_orchestration', () => undefined),
    orgId,
    count,
  );

/** Numbers of the records that a receiver took, in its order. */
const numbersIn = (receiver: WebhookReceiver): number[] =>
  receiver.got.flatMap(({ body }) =>
    (JSON.parse(body) as { data: { records: { record: { n: string } }[] } }).data.records.map((line) =>
      Number(line.record.n),
    ),
  );

const newest = async (orgId: string): Promise<number> =>
  Number((await database.admin.query('select max(n) as n from ledger.event where org_id = $1', [orgId])).rows[0].n);

describe('a webhook', () => {
  it('gets every record, signed and in order, also what came while it was away and the service began anew', async () => {
    const { client, orgId, token } = await signUp('hook');
    const receiver = await webhookReceiver(certificate);
    const target = { kind: AuditStreamKind.WEBHOOK, address: receiver.url, caPem: certificate.cert };
    const { auditStream, secret } = await client.auditStreams.createAuditStream({ orgId, name: 'siem', target });
    expect(await client.auditStreams.testAuditStream({ auditStreamId: auditStream?.id ?? '' })).toMatchObject({
      delivered: true,
    });
    await append(orgId, 250);
    const first = Number(auditStream?.cursor) + 1;
    await until(
      'all arrived',
      async () => numbersIn(receiver).at(-1) === (await newest(orgId)) && (await newest(orgId)) > 250,
      20_000,
    );
    expect(receiver.got.every(({ headers, body }) => isSigned(secret, headers, body))).toBe(true);
    receiver.status = 500;
    await append(orgId, 20);
    await until(
      'it fails',
      async () => (await client.auditStreams.listAuditStreams({ orgId })).auditStreams[0]!.failures > 0,
      20_000,
    );
    const [failing] = (await client.auditStreams.listAuditStreams({ orgId })).auditStreams;
    expect(failing).toMatchObject({
      lastError: 'the receiver answered with status 500',
      state: AuditStreamState.ACTIVE,
    });
    await host.close();
    const taken = numbersIn(receiver).length;
    receiver.status = 204;
    host = await open();
    await host.client(token).auditStreams.resumeAuditStream({ auditStreamId: auditStream?.id ?? '' });
    await until(
      'the rest arrived',
      async () => numbersIn(receiver).length > taken && numbersIn(receiver).at(-1) === (await newest(orgId)),
      20_000,
    );
    const seen = [...new Set(numbersIn(receiver))];
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => first + i));
    const dump = await database.admin.query('select to_jsonb(s)::text as text from tenant.audit_stream s');
    expect(dump.rows[0].text).not.toContain(secret.slice(6));
    await receiver.close();
  }, 90_000);

  it('that fails for too long is disabled with an event, and resumes where it was', async () => {
    await host.close();
    host = await open({ TRUFFLE_AUDIT_STREAM_GIVE_UP_HOURS: '0' });
    const { client, orgId } = await signUp('gone');
    const receiver = await webhookReceiver(certificate);
    receiver.status = 503;
    const target = { kind: AuditStreamKind.WEBHOOK, address: receiver.url, caPem: certificate.cert };
    const { auditStream } = await client.auditStreams.createAuditStream({ orgId, name: 'siem', target });
    const state = async () => (await client.auditStreams.listAuditStreams({ orgId })).auditStreams[0]?.state;
    await until('it is disabled', async () => (await state()) === AuditStreamState.DISABLED, 20_000);
    await until('an event says so', async () => {
      const { records } = await client.audit.listAuditRecords({ orgId, filter: { action: 'audit_stream.*' } });
      return records.some((record) => record.event?.type === 'dev.truffle.audit_stream.disabled.v1');
    });
    receiver.status = 200;
    const before = receiver.got.length;
    await client.auditStreams.resumeAuditStream({ auditStreamId: auditStream?.id ?? '' });
    await until('it goes on', () => receiver.got.length > before, 20_000);
    expect(numbersIn(receiver)[0]).toBe(Number(auditStream?.cursor) + 1);
    await client.auditStreams.deleteAuditStream({ auditStreamId: auditStream?.id ?? '' });
    expect((await client.auditStreams.listAuditStreams({ orgId })).auditStreams).toEqual([]);
    await receiver.close();
  }, 60_000);

  it('is refused a private address, a wrong scheme and a wrong certificate', async () => {
    const { client, orgId } = await signUp('bad');
    const create = (kind: AuditStreamKind, address: string, caPem = '') =>
      client.auditStreams.createAuditStream({ orgId, name: 'x', target: { kind, address, caPem } }).then(
        () => 'made',
        (error: unknown) => String(error),
      );
    expect(await create(AuditStreamKind.WEBHOOK, 'http://hooks.example.com/')).toContain('must begin with https://');
    expect(await create(AuditStreamKind.WEBHOOK, 'https://169.254.169.254/latest')).toContain('not a public one');
    expect(await create(AuditStreamKind.SYSLOG_TLS, 'logs.example.com')).toContain('host:port');
    expect(await create(AuditStreamKind.WEBHOOK, 'https://hooks.example.com/', 'x')).toContain('no certificate');
    const { auditStream } = await client.auditStreams.createAuditStream({
      orgId,
      name: 'inside',
      target: { kind: AuditStreamKind.SYSLOG_TCP, address: '127.0.0.1:514' },
    });
    expect(await client.auditStreams.testAuditStream({ auditStreamId: auditStream?.id ?? '' })).toMatchObject({
      delivered: false,
    });
  });
});

describe.each([
  ['TLS', AuditStreamKind.SYSLOG_TLS],
  ['TCP', AuditStreamKind.SYSLOG_TCP],
] as const)('syslog over %s', (name, kind) => {
  it('gets every record as RFC 5424, counted in octets', async () => {
    const isSecure = kind === AuditStreamKind.SYSLOG_TLS;
    const receiver = await syslogReceiver(isSecure ? certificate : undefined);
    const { client, orgId } = await signUp(`syslog-${name.toLowerCase()}`);
    const target = { kind, address: receiver.address, caPem: isSecure ? certificate.cert : '' };
    const { auditStream, secret } = await client.auditStreams.createAuditStream({ orgId, name: 'siem', target });
    expect(secret).toBe('');
    expect(await client.auditStreams.testAuditStream({ auditStreamId: auditStream?.id ?? '' })).toMatchObject({
      delivered: true,
      error: '',
    });
    expect(receiver.messages.find((message) => message.includes(' ping '))).toMatch(
      /^<110>1 \S+Z truffle truffle audit ping \[truffle@32473 org="org_\w+"\] ping$/,
    );
    await append(orgId, 120);
    const records = () => receiver.messages.filter((message) => message.includes(' record '));
    await until('all arrived', () => records().length > 120, 20_000);
    expect(records().at(-1)).toMatch(
      /^<110>1 \d{4}-\S+Z truffle truffle audit record \[truffle@32473 org="org_\w+" n="\d+" type="[^"]+" .*\] \{"record":/,
    );
    // The ü and the quote in the data: lengths are octets, not characters.
    const { record } = JSON.parse(
      records()
        .at(-1)
        ?.replace(/^.*?\] (?=\{)/, '') ?? '',
    ) as { record: { data: unknown } };
    expect(record.data).toMatchObject({ text: 'ü\u2028"' });
    await client.auditStreams.deleteAuditStream({ auditStreamId: auditStream?.id ?? '' });
    await receiver.close();
  }, 60_000);
});
