import { createCipheriv, createPrivateKey, hkdfSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import { testEngines, until } from '@truffle/testkit';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSigned, localCertificate, webhookReceiver } from '../audit-stream/receiver.fixture.ts';
import { challengeOf, emailOf, password, startPeople, type People } from '../people.fixture.ts';

/** AES-256-GCM as an earlier release had it: the parts of what it stored. */
function sealed(key: Buffer, plain: Buffer, context: string): readonly [nonce: Buffer, body: Buffer, tag: Buffer] {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  return [nonce, Buffer.concat([cipher.update(plain), cipher.final()]), cipher.getAuthTag()];
}

const derived = (secret: Buffer, salt: string, info: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, info, 32));

const folder = mkdtempSync(join(tmpdir(), 'truffle-account-key-'));
const accountKeyFile = join(folder, 'account-key');
const accountKey = randomBytes(32);
const env = { TRUFFLE_ACCOUNT_KEY_FILE: accountKeyFile, TRUFFLE_OUTGOING_ALLOW: 'localhost' };
let people: People;

beforeAll(async () => {
  writeFileSync(accountKeyFile, accountKey.toString('hex'));
  people = await startPeople(env);
});

afterAll(async () => {
  await people?.close();
  rmSync(folder, { recursive: true });
});

describe('what an earlier release sealed', () => {
  it('goes on to work: seeds of authenticator apps and webhooks of streams, read as they are and sealed anew at the start', async () => {
    const { token, userId, orgId } = await people.signUp('older');
    const client = people.host.client(token);
    const { factorId, secret } = await client.factors.startTotp({ name: 'phone' });
    const totp = new TOTP({ secret: Secret.fromBase32(secret) });
    const code = (steps: number) => totp.generate({ timestamp: Date.now() + steps * 30_000 });
    await client.factors.confirmTotp({ factorId, code: code(-1) });
    const certificate = await localCertificate();
    const receiver = await webhookReceiver(certificate);
    const target = {
      kind: AuditStreamKind.WEBHOOK,
      address: `${receiver.url}?token=in-the-path`,
      caPem: certificate.cert,
    };
    const made = await client.auditStreams.createAuditStream({ orgId, name: 'siem', target });
    const auditStreamId = made.auditStream?.id ?? '';
    // Puts both back into the form that they had.
    const [nonce, body, tag] = sealed(
      derived(accountKey, '', 'truffle/account/seeds'),
      Buffer.from(totp.secret.bytes),
      `totp/${userId}/${factorId}`,
    );
    await people.database.admin.query(
      'update tenant.factor set sealed_seed = null, old_sealed_seed = $2 where id = $1',
      [factorId, Buffer.concat([Buffer.of(1), nonce, body, tag])],
    );
    const keys = testEngines().installation.env.TRUFFLE_SERVICE_KEYS_DIR;
    const der = createPrivateKey(readFileSync(join(keys, 'audit.key.pem'))).export({ type: 'pkcs8', format: 'der' });
    const old = sealed(derived(der, 'truffle/audit-key', 'audit-stream'), Buffer.from(made.secret), auditStreamId);
    await people.database.admin.query(
      `update tenant.audit_stream set sealed_secret = null, sealed_address = null, address = $2, old_sealed_secret = $3 where id = $1`,
      [auditStreamId, target.address, Buffer.concat([old[0], old[2], old[1]])],
    );
    await proveBy(code(0));
    expect(await client.auditStreams.testAuditStream({ auditStreamId })).toMatchObject({ delivered: true });

    await people.restart({ ...env });
    await until('both are sealed anew', async () => {
      const { rows } = await people.database.admin.query<{ left: string }>(
        `select (select count(*) from tenant.factor where old_sealed_seed is not null or sealed_seed is null)
           + (select count(*) from tenant.audit_stream where old_sealed_secret is not null or sealed_secret is null) as left`,
      );
      return Number(rows[0]?.left) === 0;
    });
    await proveBy(code(1));
    const again = people.host.client(token).auditStreams;
    expect(await again.testAuditStream({ auditStreamId })).toMatchObject({ delivered: true });
    expect((await again.listAuditStreams({ orgId })).auditStreams[0]?.target?.address).toBe(target.address);
    expect(receiver.got.length).toBeGreaterThanOrEqual(2);
    expect(receiver.got.every(({ headers, body: text }) => isSigned(made.secret, headers, text))).toBe(true);
    const { rows } = await people.database.admin.query<{ address: string }>('select address from tenant.audit_stream');
    expect(rows).toEqual([{ address: new URL(receiver.url).origin }]);
    await receiver.close();

    // Nothing of it needs the account key any more.
    await people.restart({ TRUFFLE_OUTGOING_ALLOW: 'localhost' });
    const { rows: steps } = await people.database.admin.query('update tenant.factor set last_step = 0 returning id');
    expect(steps).toHaveLength(1);
    await proveBy(code(0));
  }, 60_000);
});

/** Signs in with the second factor's code. */
async function proveBy(value: string): Promise<void> {
  const anybody = people.host.client();
  const { challenge } = await challengeOf(anybody.accounts.signIn({ email: emailOf('older'), password }));
  const proof = { challenge, proof: { case: 'totpCode', value } } as const;
  expect((await anybody.sessions.completeSignIn({ proof })).sessionToken).toMatch(/^tfs_/);
}
