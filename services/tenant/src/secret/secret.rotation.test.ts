import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programEnvironment } from '@truffle/config';
import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import type { Database } from '@truffle/database';
import { addFileKey, Envelope, fileKeys, installation } from '@truffle/envelope';
import { testEngines } from '@truffle/testkit';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSigned, localCertificate, webhookReceiver, type WebhookReceiver } from '../audit-stream/receiver.fixture.ts';
import { challengeOf, emailOf, password, startPeople, type People } from '../people.fixture.ts';
import type { TenantTables } from '../tables.ts';
import { placeIn, sealedColumns } from './secret.columns.ts';

/** Mails that wait with a link, made in bulk: so many that the rotation takes a while. */
const waiting = 3_000;
const keks = mkdtempSync(join(tmpdir(), 'truffle-keks-'));
const envelope = new Envelope('tenant', fileKeys(keks));
const tokenOf = (n: number): string => `token ${n}`;
const idOf = (n: number): string => `mai_${String(n).padStart(6, '0')}`;
let people: People;
let identity: Database<TenantTables>;
let receiver: WebhookReceiver;

beforeAll(async () => {
  addFileKey(keks);
  people = await startPeople({ TRUFFLE_KEK_DIR: keks, TRUFFLE_OUTGOING_ALLOW: 'localhost' });
  identity = people.database.open<TenantTables>('svc_identity');
  await identity.anywhere(async (tx) => {
    const at = new Date(Date.now() + 3_600_000);
    for (let n = 0; n < waiting; n++) {
      const id = idOf(n);
      const sealed_token = await envelope.seal(tx, installation, placeIn(sealedColumns.mailToken, id), tokenOf(n));
      await tx
        .insertInto('tenant.mail')
        .values({
          id,
          kind: 'reset',
          email: 'w@example.com',
          subject: '',
          parameters: '{}',
          sealed_token,
          created_at: at,
          next_at: at,
          ended_at: null,
          outcome: null,
        })
        .execute();
    }
  });
}, 120_000);

afterAll(async () => {
  await receiver?.close();
  await people?.close();
  rmSync(keks, { recursive: true });
});

/** The command in a process of its own; killed when a line of what it says is as `until` wants. */
async function command(verb: string, until: (said: string) => boolean = () => false) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'rotate.ts'), verb], {
    env: {
      ...programEnvironment(process.env),
      TRUFFLE_DATABASE_URL: people.database.adminUrl,
      TRUFFLE_DATABASE_PASSWORDS_DIR: testEngines().installation.env.TRUFFLE_DATABASE_PASSWORDS_DIR,
      TRUFFLE_KEK_DIR: keks,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (until(said)) child.kill('SIGKILL');
    });
  const [code, signal] = await new Promise<[number | null, string | null]>((done) =>
    child.once('close', (...outcome) => done(outcome)),
  );
  return { code, signal, said };
}

/** Values by the version of the data key that sealed them: which versions there are. */
async function versionsOf({ table, column }: { table: string; column: string }): Promise<number[]> {
  const { rows } = await people.database.admin.query<{ version: number }>(
    `select distinct get_byte(${column}, 4) as version from ${table} where ${column} is not null order by 1`,
  );
  return rows.map((row) => row.version);
}

const everyColumn = () => Promise.all(Object.values(sealedColumns).map(versionsOf));

describe('the rotation of keys', () => {
  it('loses nothing though it is killed, begun again and done while secrets are made and used', async () => {
    const { token, orgId } = await people.signUp('rotating');
    const client = people.host.client(token);
    const { factorId, secret } = await client.factors.startTotp({ name: 'phone' });
    const totp = new TOTP({ secret: Secret.fromBase32(secret) });
    await client.factors.confirmTotp({ factorId, code: totp.generate({ timestamp: Date.now() - 30_000 }) });
    const certificate = await localCertificate();
    receiver = await webhookReceiver(certificate);
    const target = { kind: AuditStreamKind.WEBHOOK, address: receiver.url, caPem: certificate.cert };
    const stream = await client.auditStreams.createAuditStream({ orgId, name: 'siem', target });
    const wanted = { orgId, name: 'idp', issuer: 'https://localhost', clientId: 'truffle', clientSecret: 'provider' };
    await client.connections.createConnection(wanted);
    const delivers = () => client.auditStreams.testAuditStream({ auditStreamId: stream.auditStream?.id ?? '' });

    /** What goes on meanwhile: secrets of every kind are read, and new ones made. */
    const stop = new AbortController();
    let made = 0;
    const traffic = (async () => {
      while (!stop.signal.aborted) {
        expect(await delivers()).toMatchObject({ delivered: true });
        await client.connections.createConnection({ ...wanted, name: `idp-${made}`, clientSecret: `provider ${made}` });
        await client.factors.startTotp({ name: `phone ${made++}` });
      }
    })();

    expect((await command('add-key')).said).toBe('kek-0002\n');
    const killed = await command('run', (said) => /mail\.sealed_token sealed anew: [1-9]/.test(said));
    expect([killed.signal, (await versionsOf(sealedColumns.mailToken)).length]).toEqual(['SIGKILL', 2]);
    const done = await command('run');
    expect(done, done.said).toMatchObject({ code: 0 });
    expect(done.said).toMatch(/owners given a new data key: 0\n/);
    expect(done.said).toMatch(/^kek-0002 wraps \d+ data keys$/m);
    expect(done.said).not.toContain('kek-0001 wraps');
    stop.abort();
    await traffic;
    expect(made).toBeGreaterThan(0);
    // What was under way when the new data keys were made is sealed anew the next time.
    expect(await command('run')).toMatchObject({ code: 0 });
    expect(await everyColumn()).toEqual(Object.keys(sealedColumns).map(() => [2]));

    rmSync(join(keks, 'kek-0001.key'));
    expect(readdirSync(keks)).toEqual(['kek-0002.key']);
    await people.restart({ TRUFFLE_KEK_DIR: keks, TRUFFLE_OUTGOING_ALLOW: 'localhost' });
    const after = people.host.client(token);
    expect(await after.auditStreams.testAuditStream({ auditStreamId: stream.auditStream?.id ?? '' })).toMatchObject({
      delivered: true,
    });
    expect(receiver.got.every(({ headers, body }) => isSigned(stream.secret, headers, body))).toBe(true);
    const anybody = people.host.client();
    const { challenge } = await challengeOf(anybody.accounts.signIn({ email: emailOf('rotating'), password }));
    const proof = { challenge, proof: { case: 'totpCode', value: totp.generate() } } as const;
    expect((await anybody.sessions.completeSignIn({ proof })).sessionToken).toMatch(/^tfs_/);
    await allOpen(orgId, made);
  }, 180_000);

  it('says what is missing, and changes nothing', async () => {
    rmSync(join(keks, 'kek-0002.key'));
    const none = await command('run');
    expect([none.code, none.said]).toEqual([1, expect.stringMatching(/kek-0002 can not be read/)]);
    addFileKey(keks);
    addFileKey(keks);
    const lost = await command('run');
    expect([lost.code, lost.said]).toEqual([1, expect.stringMatching(/kek-0002 is not the key of that name/)]);
    expect((await command('help')).code).toBe(2);
  }, 60_000);
});

/** Opens every client secret and every waiting mail's token with the keys that are left. */
async function allOpen(orgId: string, made: number): Promise<void> {
  const fresh = new Envelope('tenant', fileKeys(keks));
  const tenants = people.database.open<TenantTables>('svc_tenant');
  const secrets = await tenants.tenant(orgId, async (tx) => {
    const rows = await tx.selectFrom('tenant.connection').selectAll().execute();
    const opened = [];
    for (const { id, sealed_secret } of rows)
      opened.push(
        (
          await fresh.open(tx, orgId, placeIn(sealedColumns.clientSecret, id), sealed_secret ?? Buffer.alloc(0))
        ).toString(),
      );
    return opened;
  });
  const all = ['provider', ...Array.from({ length: made }, (_, n) => `provider ${n}`)];
  expect(secrets.toSorted()).toEqual(all.toSorted());
  await identity.anywhere(async (tx) => {
    const rows = await tx
      .selectFrom('tenant.mail')
      .selectAll()
      .where('sealed_token', 'is not', null)
      .orderBy('id')
      .execute();
    expect(rows).toHaveLength(waiting);
    for (const [n, { id, sealed_token }] of rows.entries()) {
      const place = placeIn(sealedColumns.mailToken, id);
      expect((await fresh.open(tx, installation, place, sealed_token ?? Buffer.alloc(0))).toString()).toBe(tokenOf(n));
    }
  });
}
