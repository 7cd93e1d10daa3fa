import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '@truffle/database';
import { createLogger } from '@truffle/telemetry';
import { testDatabase, testEngines, type TestDatabase } from '@truffle/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Envelope, fileKeys } from '@truffle/envelope';
import { insertUser } from '../account/account.repo.ts';
import { findLink } from '../link/link.repo.ts';
import { tenantMigrations } from '../migrations.ts';
import type { TenantTables } from '../tables.ts';
import { MailCourier } from './mail.courier.ts';
import { retryPauseMs } from './mail.ts';
import { postMail } from './mail.repo.ts';
import { mailText } from './mail.texts.ts';
import { folderTransport, smtpTransport, type MailTransport } from './mail.transport.ts';
import { startMailServer, type MailServer } from './smtp.fixture.ts';

const address = 'ada@example.com';
let database: TestDatabase;
let identity: Database<TenantTables>;
let server: MailServer;
let now = Date.parse('2026-11-28T12:00:00Z');

beforeAll(async () => {
  database = await testDatabase([tenantMigrations]);
  identity = database.open<TenantTables>('svc_identity');
  await identity.anywhere((tx) =>
    insertUser(tx, {
      id: 'usr_1',
      email: address,
      name: 'Ada',
      locale: 'en-GB',
      password_hash: '-',
      email_verified_at: null,
      home_org_id: 'org_1',
      created_at: new Date(now),
    }),
  );
});

afterAll(async () => database?.close());

beforeEach(async () => {
  server = await startMailServer();
});

afterEach(async () => {
  await server.close();
  await database.admin.query('delete from tenant.mail; delete from tenant.link');
});

const courierWith = (transport: MailTransport): MailCourier =>
  new MailCourier({
    identity,
    envelope: new Envelope('tenant', fileKeys(testEngines().installation.env.TRUFFLE_KEK_DIR)),
    transport,
    origin: 'https://truffle.example',
    bell: { listen: () => () => undefined },
    logger: createLogger('test', 'fatal'),
    now: () => new Date(now),
    random: () => 1,
  });

const overSmtp = (): MailCourier => courierWith(smtpTransport(server.url, 'Truffle <truffle@example.com>'));
const post = (email = address) =>
  identity.anywhere((tx) => postMail(tx, { kind: 'reset', email, subject: '' }, new Date(now)));
const outcomes = async (): Promise<(string | null)[]> =>
  (await database.admin.query<{ outcome: string | null }>('select outcome from tenant.mail order by id')).rows.map(
    (row) => row.outcome,
  );

describe('a mail', () => {
  it('goes over SMTP with a link that opens, and of which the database keeps a digest only', async () => {
    await post();
    const courier = overSmtp();
    expect(await courier.round()).toBe(1);
    const [mail] = server.mails;
    expect(mail?.to).toBe(address);
    expect(mail?.subject).toBe('Choose a new password');
    expect(mail?.text).toContain(`https://truffle.example/account/reset#token=${mail?.token}`);
    const token = mail?.token ?? '';
    const link = await identity.anywhere((tx) => findLink(tx, 'reset', token, new Date(now)));
    expect(link.subject).toBe('usr_1');
    const { rows } = await database.admin.query<{ dump: string }>(
      `select (select json_agg(m) from tenant.mail m)::text || (select json_agg(l) from tenant.link l)::text as dump`,
    );
    expect(rows[0]?.dump).not.toContain(token.slice(4, -6));
    expect(await courier.round()).toBe(0);
    await courier.close();
  });

  it('is tried again after a pause, as the same mail with the same link', async () => {
    await post();
    const courier = overSmtp();
    server.refuseWith(451);
    await courier.round();
    expect([server.mails.length, await courier.round()]).toEqual([0, 0]);
    const { rows } = await database.admin.query<{ sealed_token: Buffer }>('select sealed_token from tenant.mail');
    const token = rows[0]?.sealed_token;
    now += retryPauseMs(1, 1);
    await courier.round();
    expect(await outcomes()).toEqual(['sent']);
    // Once more, as if the courier had died before it noted that the mail was taken.
    await database.admin.query('update tenant.mail set ended_at = null, outcome = null, sealed_token = $1', [token]);
    now += 120_000;
    await courier.round();
    expect(server.mails).toHaveLength(2);
    expect(server.mails[1]).toEqual(server.mails[0]);
    expect((await database.admin.query('select from tenant.mail where sealed_token is not null')).rows).toEqual([]);
    await courier.close();
  });

  it('is given up when the server refuses it for good, when it was tried too often, and when it is too old', async () => {
    await post();
    const courier = overSmtp();
    server.refuseWith(550);
    await courier.round();
    expect(await outcomes()).toEqual(['the mail server refused it for good (SMTP 550)']);
    await post();
    server.refuseWith(...Array.from({ length: 12 }, () => 421));
    for (let attempt = 1; attempt <= 12; attempt++) {
      await courier.round();
      now += retryPauseMs(attempt, 1);
    }
    expect((await outcomes())[1]).toBe('the mail server did not take it (SMTP 421)');
    await post();
    now += 25 * 60 * 60_000;
    await courier.round();
    expect((await outcomes())[2]).toBe('too late');
    expect(server.mails).toEqual([]);
    await courier.close();
  });

  it('is sent once by two couriers', async () => {
    for (let i = 0; i < 12; i++) await post();
    const couriers = [overSmtp(), overSmtp()];
    await Promise.all(couriers.map((each) => each.round()));
    await Promise.all(couriers.map((each) => each.round()));
    expect(server.mails).toHaveLength(12);
    expect(new Set(server.mails.map((each) => each.id)).size).toBe(12);
    await Promise.all(couriers.map((each) => each.close()));
  });

  it('is dropped where there is nothing to say: nobody has the address', async () => {
    await post('nobody@example.com');
    const courier = overSmtp();
    await courier.round();
    expect(await outcomes()).toEqual(['dropped']);
    expect(server.mails).toEqual([]);
    await courier.close();
  });

  it('waits while no server answers', async () => {
    await post();
    const courier = courierWith(smtpTransport('smtp://127.0.0.1:1', 'truffle@example.com'));
    await courier.round();
    expect(await outcomes()).toEqual([null]);
    await courier.close();
  });

  it('goes into a file for its owner alone where there is no server', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'truffle-mail-'));
    await post();
    const courier = courierWith(folderTransport(join(folder, 'mail'), 'truffle@example.com'));
    await courier.round();
    const [file = ''] = readdirSync(join(folder, 'mail'));
    expect(statSync(join(folder, 'mail', file)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'mail', file), 'utf8')).toMatch(/^To: ada@example.com$[\s\S]+tft_/m);
    rmSync(folder, { recursive: true });
    await courier.close();
  });
});

describe('a text', () => {
  it('is English for a language that is not there', () => {
    expect(mailText('reset', 'xx', { token: 't' }).subject).toBe('Choose a new password');
  });

  it("gives others' names no line of their own", () => {
    const { body, subject } = mailText('invitation', 'en', {
      organization: 'Acme\r\nBcc: all@example.com\n\nYou won. https://evil.test',
      inviter: 'Eve',
      role: 'viewer',
      token: 't',
    });
    expect(subject).not.toMatch(/[\r\n]/);
    expect(body).not.toMatch(/^You won|:\/\//m);
  });
});
