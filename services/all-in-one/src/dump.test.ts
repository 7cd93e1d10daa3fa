import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import { Role } from '@truffle/api/tenant/v1/account';
import { ConnectionService } from '@truffle/api/tenant/v1/connection_service';
import { testEngines, until } from '@truffle/testkit';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { challengeOf } from '../../tenant/src/people.fixture.ts';
import { TestIssuer } from '../../tenant/src/issuer/issuer.fixture.ts';
import { foundIn } from './canary.fixture.ts';
import { emailOf, password, startControlPlane, type ControlPlane } from './control-plane.fixture.ts';
import { dump, dumpAsText, texted } from './sinks.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'truffle-dump-'));
const mailDir = join(folder, 'mail');
/** Everything that the product was given or gave away and that nobody may read in its database, by what it is. */
const secrets: Record<string, string | Buffer> = { password };
let plane: ControlPlane;
let issuer: TestIssuer;
let text = '';

beforeAll(async () => {
  issuer = await new TestIssuer().start();
  plane = await startControlPlane('ada', {
    TRUFFLE_MAIL_DIR: mailDir,
    TRUFFLE_PUBLIC_URL: 'https://truffle.example',
    TRUFFLE_OUTGOING_ALLOW: '127.0.0.1',
  });
  await sentLinks();
  await ofPeople();
  await ofPrograms();
  await ofProviders();
  await waitingLink();
}, 120_000);

afterAll(async () => {
  await plane?.close();
  await issuer?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Of a credential also the bytes that it says in base 62. */
function keep(name: string, credential: string): void {
  secrets[name] = credential;
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let number = 0n;
  for (const digit of credential.slice(4, -6)) {
    expect(digits, `a credential that is no base 62: ${name}`).toContain(digit);
    number = number * 62n + BigInt(digits.indexOf(digit));
  }
  secrets[`bytes of ${name}`] = Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
}

const linkIn = (to: string) =>
  until(`a mail to ${to}`, () => {
    const mails = readdirSync(mailDir).map((name) => readFileSync(join(mailDir, name), 'utf8'));
    return mails.find((mail) => mail.includes(`To: ${to}\n`))?.match(/\btft_\w+/)?.[0];
  });

async function sentLinks(): Promise<void> {
  mkdirSync(mailDir);
  const { client, orgId } = plane.owner;
  await client.invitations.createInvitation({ scopeId: orgId, email: 'bea@example.com', role: Role.VIEWER });
  keep('link of an invitation', await linkIn('bea@example.com'));
  await client.addresses.requestPasswordReset({ email: emailOf('ada') });
  keep('link of a reset', await linkIn(emailOf('ada')));
}

async function ofPeople(): Promise<void> {
  const { client, token } = plane.owner;
  keep('session', token);
  const changed = 'another good battery';
  await client.accounts.changePassword({ oldPassword: password, newPassword: changed });
  secrets['new password'] = changed;
  const { factorId, secret } = await client.factors.startTotp({ name: 'phone' });
  const totp = new TOTP({ secret: Secret.fromBase32(secret) });
  secrets['seed'] = secret;
  secrets['bytes of seed'] = Buffer.from(totp.secret.bytes);
  const { recoveryCodes } = await client.factors.confirmTotp({ factorId, code: totp.generate() });
  for (const [i, code] of recoveryCodes.entries()) {
    secrets[`recovery code ${i}`] = code;
    secrets[`recovery code ${i} without dashes`] = code.replaceAll('-', '');
  }
  const signIn = plane.host.client().accounts.signIn({ email: emailOf('ada'), password: changed });
  keep('challenge', (await challengeOf(signIn)).challenge);
  const device = await plane.host.client().devices.beginDeviceLogin({});
  keep('device code', device.deviceCode);
  Object.assign(secrets, { userCode: device.userCode, plainUserCode: device.userCode.replace('-', '') });
  await client.devices.approveDeviceLogin({ userCode: device.userCode });
  const other = await plane.host.client().devices.beginDeviceLogin({});
  await client.devices.approveDeviceLogin({ userCode: other.userCode });
  keep(
    'session of a device',
    (await plane.host.client().devices.pollDeviceLogin({ deviceCode: other.deviceCode })).sessionToken,
  );
}

async function ofPrograms(): Promise<void> {
  const { client, orgId } = plane.owner;
  const made = await client.apiKeys.createApiKey({ scopeId: orgId, name: 'key', role: Role.VIEWER });
  keep('API key', made.secret);
  const rotated = await client.apiKeys.rotateApiKey({ apiKeyId: made.apiKey?.id ?? '', overlap: { seconds: 600n } });
  keep('API key after rotation', rotated.secret);
  const { token } = await client.agents.createJoinToken({ orgId, agentName: 'berlin' });
  secrets['join token'] = token;
  secrets['bytes of join token'] = Buffer.from(token.slice('tfj_'.length), 'base64url');
  const trust = await client.trusts.createTrust({
    scopeId: orgId,
    name: 'CI',
    issuer: issuer.url,
    audience: 'truffle.example',
    conditions: [{ claim: 'sub', pattern: 'repo:acme/web:main' }],
    role: Role.VIEWER,
    lifetimeSeconds: 600,
  });
  const subjectToken = await issuer.sign({ aud: 'truffle.example', sub: 'repo:acme/web:main' });
  const trustId = trust.trust?.id ?? '';
  keep('workload token', (await plane.host.client().trusts.exchangeToken({ trustId, subjectToken })).accessToken);
  secrets["workload's own token"] = subjectToken;
  const path = 'T0F2-hook-path-51c0d9';
  const address = `https://hooks.example.com/services/${path}?key=hook-key-77ab3e`;
  const target = { kind: AuditStreamKind.WEBHOOK, address };
  const { secret } = await client.auditStreams.createAuditStream({ orgId, name: 'siem', target });
  Object.assign(secrets, { 'path of a webhook': path, 'query of a webhook': 'hook-key-77ab3e' });
  secrets['secret of a webhook'] = secret.slice('whsec_'.length);
  secrets['bytes of a webhook’s secret'] = Buffer.from(secret.slice('whsec_'.length), 'base64');
}

async function ofProviders(): Promise<void> {
  const { token, orgId } = plane.owner;
  const clientSecret = 'Pr0vider "secret" &/ of some length';
  secrets['client secret'] = clientSecret;
  const wanted = { orgId, name: 'Staff', issuer: issuer.url, clientId: issuer.clientId, clientSecret };
  // Answers of calls with a key are kept: what they were asked with must not be.
  const connections = createClient(ConnectionService, plane.host.transport(token));
  const made = await connections.createConnection(wanted, { headers: { 'idempotency-key': 'once' } });
  const by = { case: 'connectionId', value: made.connection?.id ?? '' } as const;
  const begun = await plane.host.client().sso.beginSignIn({ by });
  keep('binding of a sign-in', begun.binding);
  keep('state of a sign-in', new URL(begun.url).searchParams.get('state') ?? '');
  secrets['nonce of a sign-in'] = new URL(begun.url).searchParams.get('nonce') ?? '';
}

/** A link whose mail is still in the outbox while the database is read. */
async function waitingLink(): Promise<void> {
  rmSync(mailDir, { recursive: true });
  writeFileSync(mailDir, 'no folder');
  await plane.signUp('cyd');
  await plane.owner.client.addresses.requestPasswordReset({ email: emailOf('cyd') });
  const { admin } = plane.database;
  await until('the mail was tried', async () => {
    const { rows } = await admin.query(`select from tenant.mail where ended_at is null and sealed_token is not null`);
    return rows.length > 0;
  });
  text = await everything();
  rmSync(mailDir);
  mkdirSync(mailDir);
  await admin.query('update tenant.mail set next_at = now() where ended_at is null');
  keep('link that waits', await linkIn(emailOf('cyd')));
}

const everything = async (): Promise<string> =>
  `${await dump(plane.database.adminUrl)}\n${await dumpAsText(plane.database.adminUrl)}`;

describe('a dump of the database', () => {
  it('has nothing secret in it, in no encoding', () => {
    expect(Object.keys(secrets).length).toBeGreaterThan(40);
    expect(Object.entries(secrets).filter(([, secret]) => secret.length < 8)).toEqual([]);
    expect(foundIn(text, secrets)).toEqual([]);
  });

  it('has no key that opens what is sealed, and no password of a database role', () => {
    const { folder: keys, databasePasswords } = testEngines().installation;
    const keks = join(keys, 'key-encryption-keys');
    const files = readdirSync(keks).map((name) => readFileSync(join(keks, name), 'utf8').trim());
    expect(files.length).toBeGreaterThan(0);
    expect(foundIn(text, { ...databasePasswords })).toEqual([]);
    for (const key of files) expect(foundIn(text, { key, bytes: Buffer.from(key, 'base64') })).toEqual([]);
  });

  it('was of the whole database, with the rows of all that was made', () => {
    const tables = ['connection', 'audit_stream', 'factor', 'mail', 'link', 'sign_in_flow', 'device_login', 'data_key'];
    for (const name of [...tables.map((table) => `tenant.${table}`), 'agent_gateway.join_token'])
      expect(text).toMatch(new RegExp(`^${name} \\(`, 'm'));
    for (const one of ['hooks.example.com', 'berlin', 'Staff', emailOf('ada'), 'key', 'repo:acme/web:main'])
      expect(text).toContain(one);
  });

  const encodings: Readonly<Record<string, (secret: string) => string>> = {
    'in clear': (secret) => secret,
    'in base64': (secret) => Buffer.from(`x${secret}`).toString('base64'),
    'in base64url': (secret) => Buffer.from(`xy${secret}`).toString('base64url'),
    'in hex': (secret) => Buffer.from(secret).toString('hex'),
    'URL-encoded': (secret) => encodeURIComponent(secret),
    'in JSON': (secret) => JSON.stringify({ secret }),
  };

  it.each(Object.keys(encodings))('shows each secret that is planted %s, as text and as bytes', async (name) => {
    const { admin } = plane.database;
    for (const [what, secret] of Object.entries(secrets)) {
      if (typeof secret !== 'string') continue;
      const planted = encodings[name]?.(secret) ?? '';
      for (const [statement, value] of [
        [`update tenant.mail set parameters = jsonb_build_object('a', $1::text)`, planted],
        ['update tenant.factor set public_key = $1', Buffer.from(planted)],
      ] as const) {
        const client = await admin.connect();
        await client.query('begin');
        await client.query(statement, [value]);
        const mails = await client.query('select m.*, m::text as text from tenant.mail m');
        const factors = await client.query('select f.*, f::text as text from tenant.factor f');
        await client.query('rollback');
        client.release();
        const seen = texted([mails.rows, factors.rows]);
        expect(foundIn(seen, { [what]: secret }), what).not.toEqual([]);
      }
    }
  });

  it('shows what is planted in any table', async () => {
    const { admin } = plane.database;
    const seed = secrets['bytes of seed'] ?? '';
    await admin.query('update tenant.factor set public_key = $1', [seed]);
    await admin.query(`insert into tenant.sign_in_attempt values ($1, 1, now())`, [secrets['client secret']]);
    const found = foundIn(await everything(), secrets).map((each) => each.split(' as ')[0]);
    expect(new Set(found)).toEqual(new Set(['bytes of seed', 'client secret']));
  });
});
