import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { Access } from '@truffle/api/options/v1/method';
import { Role } from '@truffle/api/tenant/v1/account';
import { rulesOf } from '@truffle/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, everyMethod, everythingOf, requestOf } from './contract.fixture.ts';
import { emailOf, password, startControlPlane, type ControlPlane } from './control-plane.fixture.ts';
import { makeEverything, type Everything } from './everything.fixture.ts';
import { absentLike, idPathsOf, keyOf, putId } from './id-field.fixture.ts';

let plane: ControlPlane;
let tenant: Everything;

beforeAll(async () => {
  plane = await startControlPlane('ended');
  tenant = await makeEverything(plane, plane.owner, 'ended');
}, 120_000);

afterAll(() => plane?.close(), 60_000);

const signIn = async (): Promise<string> =>
  (await plane.host.client().accounts.signIn({ email: emailOf('ended'), password })).sessionToken;

/** Moves the end of what a credential names into the past; nobody has asked about the credential yet. */
const endNow = (table: 'session' | 'api_key', id: string) =>
  plane.database.admin.query(`update tenant.${table} set expires_at = now() - interval '1 second' where id = $1`, [id]);

/** A service account that may do everything, and its key. */
async function program() {
  const { client, orgId } = tenant.owner;
  const { serviceAccount } = await client.serviceAccounts.createServiceAccount({ orgId, name: `svc-${Date.now()}` });
  const serviceAccountId = serviceAccount?.id ?? '';
  const { secret } = await client.apiKeys.createApiKey({ scopeId: orgId, name: 'key', serviceAccountId });
  await client.members.setBinding({ scopeId: orgId, subject: `service_account:${serviceAccountId}`, role: Role.OWNER });
  return { serviceAccountId, secret, revision: serviceAccount?.revision ?? 0n };
}

const ownerKey = async (expiresAt?: number) => {
  const wanted = { scopeId: tenant.owner.orgId, name: 'key', role: Role.OWNER };
  const ends = expiresAt === undefined ? {} : { expiresAt: timestampFromMs(expiresAt) };
  const { apiKey, secret } = await tenant.owner.client.apiKeys.createApiKey({ ...wanted, ...ends });
  return { id: apiKey?.id ?? '', secret };
};

/** Every way in which a credential that could do everything ended. */
const endings: Readonly<Record<string, () => Promise<string>>> = {
  'a revoked API key': async () => {
    const { id, secret } = await ownerKey();
    await tenant.owner.client.apiKeys.revokeApiKey({ apiKeyId: id });
    return secret;
  },
  'an API key past its time': async () => {
    const { id, secret } = await ownerKey(Date.now() + 3_600_000);
    await endNow('api_key', id);
    return secret;
  },
  'the secret of an API key before its rotation': async () => {
    const { id, secret } = await ownerKey();
    await tenant.owner.client.apiKeys.rotateApiKey({ apiKeyId: id });
    return secret;
  },
  'a session past its time': async () => {
    const token = await signIn();
    const { rows } = await plane.database.admin.query<{ id: string }>(
      'select id from tenant.session order by created_at desc limit 1',
    );
    await endNow('session', rows[0]?.id ?? '');
    return token;
  },
  'a session that was revoked': async () => {
    const token = await signIn();
    const { sessions } = await tenant.owner.client.sessions.listSessions({});
    const sessionId = sessions.find((each) => !each.current && each.id !== tenant.ids['session_id'])?.id ?? '';
    await tenant.owner.client.sessions.revokeSession({ sessionId });
    return token;
  },
  'a session that was signed out': async () => {
    const token = await signIn();
    await plane.host.client(token).accounts.signOut({});
    return token;
  },
  'the key of a disabled service account': async () => {
    const { serviceAccountId, secret, revision } = await program();
    await tenant.owner.client.serviceAccounts.updateServiceAccount({ serviceAccountId, disabled: true, revision });
    return secret;
  },
  'the key of a deleted service account': async () => {
    const { serviceAccountId, secret } = await program();
    await tenant.owner.client.serviceAccounts.deleteServiceAccount({ serviceAccountId });
    return secret;
  },
};

const atOnce = 25;
const closed = everyMethod.filter(([, , method]) => rulesOf(method).access !== Access.ANONYMOUS);
const open = everyMethod.filter(([, , method]) => rulesOf(method).access === Access.ANONYMOUS);

/** A request with good ids of `tenant`, or of nothing. */
function requestFor(method: (typeof everyMethod)[number][2], there: boolean) {
  const request = requestOf(method.input, () => undefined);
  for (const path of idPathsOf(method)) {
    const id = tenant.ids[keyOf(path.at(-1)!)] ?? `agt_${'0'.repeat(26)}`;
    putId(request, path, there ? id : absentLike(id));
  }
  return request;
}

describe.each(Object.keys(endings))('%s', { timeout: 120_000 }, (name) => {
  it('is refused by every method alike, whether what it asks about is there or not, and changes nothing', async () => {
    const credential = (await endings[name]?.()) ?? '';
    expect(credential).toMatch(/^tf[ks]_/);
    const transport = plane.host.transport(credential);
    const before = await everythingOf(plane.database, tenant.owner.orgId, tenant.userId);
    const answers = new Set<string>();
    const asked = closed.flatMap((entry) => [true, false].map((there) => [...entry, there] as const));
    for (let at = 0; at < asked.length; at += atOnce)
      await Promise.all(
        asked.slice(at, at + atOnce).map(async ([which, service, method, there]) => {
          const { code, text } = await call(transport, service, method, requestFor(method, there));
          if (code !== Code.Unauthenticated) expect.soft(text, which).toBe('refused');
          answers.add(text);
        }),
      );
    expect([...answers]).toEqual(['[unauthenticated] the credential is wrong, ended or revoked; sign in again']);
    expect(await everythingOf(plane.database, tenant.owner.orgId, tenant.userId)).toBe(before);
  });
});

describe('a credential that ended', () => {
  it(
    'opens nothing where nobody needs to sign in: those methods read no credential',
    { timeout: 120_000 },
    async () => {
      const ended = plane.host.transport((await endings['a revoked API key']?.()) ?? '');
      for (const [which, service, method] of open) {
        const request = requestFor(method, false);
        const plain = await call(plane.host.transport(), service, method, request);
        const given = await call(ended, service, method, request);
        expect(given.code, `${which}: ${given.text} instead of ${plain.text}`).toBe(plain.code);
      }
    },
  );
});
