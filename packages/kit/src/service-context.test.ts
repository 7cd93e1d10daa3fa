import { createHmac, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { UnauthenticatedProblem } from './problem.ts';
import { ServiceKeys } from './service-context.ts';

const pair = () =>
  generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
const tenant = pair();
const billing = pair();
const stranger = pair();
const trusted = { tenant: tenant.publicKey, billing: billing.publicKey };
const tenantKeys = new ServiceKeys('tenant', tenant.privateKey, trusted);
const billingKeys = new ServiceKeys('billing', billing.privateKey, trusted);
const about = { orgId: 'org_1', requestId: 'req_1', onBehalfOf: 'user:usr_1', displayName: 'Ada' };

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const unpart = (text: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
const now = (): number => Math.floor(Date.now() / 1000);
const claims = () => ({ iss: 'tenant', aud: 'billing', iat: now(), exp: now() + 60, org: 'org_1', rid: 'req_1' });
const split = async (): Promise<[string, string, string]> =>
  (await tenantKeys.mint('billing', about)).split('.') as [string, string, string];

async function signed(
  changed: Record<string, unknown>,
  { key = tenant.privateKey, kid = 'tenant' }: { key?: string; kid?: string | null } = {},
): Promise<string> {
  const payload = Object.fromEntries(
    Object.entries({ ...claims(), ...changed }).filter(([, value]) => value !== undefined),
  );
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'EdDSA', ...(kid === null ? {} : { kid }) })
    .sign(createPrivateKey(key));
}

test('what one service says, the one it is for reads', async () => {
  expect(await billingKeys.verify(await tenantKeys.mint('billing', about))).toEqual({ service: 'tenant', ...about });
  expect(await billingKeys.verify(await signed({}))).toMatchObject({
    service: 'tenant',
    orgId: 'org_1',
    onBehalfOf: undefined,
  });
});

describe('a forged context is refused', () => {
  const hmac = (secret: string) => {
    const body = `${part({ alg: 'HS256', kid: 'tenant' })}.${part(claims())}`;
    return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
  };
  const forgeries: Readonly<Record<string, () => string | Promise<string>>> = {
    'an empty text': () => '',
    'no token': () => 'Bearer something',
    'two parts': async () => (await split()).slice(0, 2).join('.'),
    'no signature': async () => `${(await split()).slice(0, 2).join('.')}.`,
    'alg none': () => `${part({ alg: 'none', kid: 'tenant' })}.${part(claims())}.`,
    'alg None': () => `${part({ alg: 'None', kid: 'tenant' })}.${part(claims())}.`,
    'alg none under a real signature': async () => {
      const [, payload, signature] = await split();
      return `${part({ alg: 'none', kid: 'tenant' })}.${payload}.${signature}`;
    },
    'HS256 with the public key': () => hmac(tenant.publicKey),
    'HS256 with an empty key': () => hmac(''),
    'a key that nobody trusts': () => signed({}, { key: stranger.privateKey }),
    'the name of another service': () => signed({ iss: 'billing' }),
    "another's kid": () => signed({}, { kid: 'billing' }),
    'an unknown kid': () => signed({ iss: 'mallory' }, { key: stranger.privateKey, kid: 'mallory' }),
    'a kid that every object has': () => signed({ iss: '__proto__' }, { kid: '__proto__' }),
    'no kid': () => signed({}, { kid: null }),
    'no issuer': () => signed({ iss: undefined }),
    'no audience': () => signed({ aud: undefined }),
    'another audience': () => signed({ aud: 'template' }),
    'no expiry': () => signed({ exp: undefined }),
    'no time of issue': () => signed({ iat: undefined }),
    expired: () => signed({ iat: now() - 70, exp: now() - 10 }),
    'a long life': () => signed({ iat: now() - 3_600, exp: now() + 3_600 }),
    'issued tomorrow': () => signed({ iat: now() + 86_400, exp: now() + 86_460 }),
    'not yet valid': () => signed({ nbf: now() + 600 }),
    'another organization in the payload': async () => {
      const [header, payload, signature] = await split();
      return `${header}.${part({ ...unpart(payload), org: 'org_2' })}.${signature}`;
    },
    'another person in the payload': async () => {
      const [header, payload, signature] = await split();
      return `${header}.${part({ ...unpart(payload), obo: 'user:usr_2' })}.${signature}`;
    },
    "another token's signature": async () => {
      const [header, payload] = await split();
      return `${header}.${payload}.${(await signed({ org: 'org_2' })).split('.')[2] ?? ''}`;
    },
    'a signature of zeros': async () =>
      `${(await split()).slice(0, 2).join('.')}.${Buffer.alloc(64).toString('base64url')}`,
    'a critical header that nobody knows': async () => {
      const [header, payload, signature] = await split();
      return `${part({ ...unpart(header), crit: ['x'], x: 1 })}.${payload}.${signature}`;
    },
    'a key in the header': async () => {
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.alloc(32, 1).toString('base64url') };
      return new SignJWT(claims())
        .setProtectedHeader({ alg: 'EdDSA', kid: 'mallory', jwk })
        .sign(createPrivateKey(stranger.privateKey));
    },
  };

  test.each(Object.keys(forgeries))('%s', async (name) => {
    const token = await forgeries[name]!();
    await expect(billingKeys.verify(token)).rejects.toBeInstanceOf(UnauthenticatedProblem);
  });

  test('a context for one service at another', async () => {
    await expect(tenantKeys.verify(await tenantKeys.mint('billing', about))).rejects.toBeInstanceOf(
      UnauthenticatedProblem,
    );
  });
});
