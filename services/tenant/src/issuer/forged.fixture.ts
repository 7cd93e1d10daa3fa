import { createHmac, generateKeyPairSync, sign as signRaw } from 'node:crypto';
import { exportJWK, exportSPKI, importJWK, SignJWT, type JWTPayload } from 'jose';
import type { TestIssuer } from './issuer.fixture.ts';

/** A token that nobody may take, and what is wrong with it. */
export type Forgery = readonly [name: string, token: string];

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** Signs header and body as they are, by a key that is not the issuer's. */
function byStranger(header: object, body: unknown): string {
  const signed = `${encode(header)}.${encode(body)}`;
  return `${signed}.${signRaw('sha256', Buffer.from(signed), foreign.privateKey).toString('base64url')}`;
}

/** Every way to forge a token for `good` claims that we know of. */
export async function forgeries(issuer: TestIssuer, good: JWTPayload): Promise<Forgery[]> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer.url, iat: now, exp: now + 300, ...good };
  const token = await issuer.sign(good);
  return [
    ...unsigned(claims),
    ...(await confused(issuer, claims)),
    ...(await pointed(issuer, claims)),
    ...(await keyed(issuer, good)),
    ...(await timed(issuer, good, now)),
    ...(await claimed(issuer, good)),
    ...mangled(token, claims, issuer.keyId),
    ...(await doubled(issuer, claims)),
  ];
}

const unsigned = (claims: JWTPayload): Forgery[] =>
  ['none', 'None', 'NONE', 'nOnE', 'none ', '', null, undefined, 0, ['none']].flatMap((alg) => {
    const head = encode({ alg, typ: 'JWT' });
    return ['', 'AA'].map((end): Forgery => [
      `alg ${JSON.stringify(alg)} with signature "${end}"`,
      `${head}.${encode(claims)}.${end}`,
    ]);
  });

/** The public key as if it were a shared secret. */
async function confused(issuer: TestIssuer, claims: JWTPayload): Promise<Forgery[]> {
  const [jwk = {}] = issuer.keys;
  const key = await importJWK(jwk, 'RS256');
  if (!('type' in key)) throw new Error('the key is none');
  const pem = await exportSPKI(key);
  const secrets = {
    pem,
    'pem without end': pem.trimEnd(),
    jwk: JSON.stringify(jwk),
    modulus: String(jwk.n),
    nothing: '',
  };
  return Object.entries(secrets).flatMap(([name, secret]) =>
    (['256', '384', '512'] as const).map((bits): Forgery => {
      const signed = `${encode({ alg: `HS${bits}`, typ: 'JWT', kid: issuer.keyId })}.${encode(claims)}`;
      return [
        `HS${bits} by ${name}`,
        `${signed}.${createHmac(`sha${bits}`, secret).update(signed).digest('base64url')}`,
      ];
    }),
  );
}

/** A stranger's key, brought along or pointed to; also signed by the issuer's own, which must not make it trusted. */
async function pointed(issuer: TestIssuer, claims: JWTPayload): Promise<Forgery[]> {
  const jwk = { ...(await exportJWK(foreign.publicKey)), kid: 'mine' };
  const extras = {
    jwk: { jwk },
    jku: { jku: `${issuer.url}/stranger` },
    x5u: { x5u: 'http://169.254.169.254/latest/meta-data' },
    x5c: { x5c: ['MIIB'] },
    crit: { crit: ['exp'] },
    'crit b64': { crit: ['b64'], b64: false },
    b64: { b64: false },
    zip: { zip: 'DEF' },
    cty: { cty: 'JWT' },
  };
  const both = Object.entries(extras).map(async ([name, extra]): Promise<Forgery[]> => {
    const header = { alg: 'RS256', kid: issuer.keyId, ...extra };
    const signed = `${encode(header)}.${encode(claims)}`;
    const own = new Uint8Array(
      await crypto.subtle.sign('RSASSA-PKCS1-v1_5', issuer.privateKey, new TextEncoder().encode(signed)),
    );
    return [
      [`${name} by a stranger`, byStranger({ ...header, kid: 'mine' }, claims)],
      [`${name} by the issuer`, `${signed}.${Buffer.from(own).toString('base64url')}`],
    ];
  });
  return (await Promise.all(both)).flat();
}

const keyIds = [
  '../../../../dev/null',
  '/dev/null',
  '/etc/passwd',
  "' union select 'key' -- ",
  "x' or '1'='1",
  'http://169.254.169.254/key',
  'file:///dev/null',
  '$(id)',
  '\u0000',
  '__proto__',
  'constructor',
  'x'.repeat(5000),
];

/** Key ids that are more than that; and the issuer's own id over a stranger's signature. */
const keyed = async (issuer: TestIssuer, good: JWTPayload): Promise<Forgery[]> => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer.url, iat: now, exp: now + 300, ...good };
  const named = keyIds.map(async (kid): Promise<Forgery> => [
    `kid ${kid.slice(0, 30)}`,
    await issuer.sign(good, { kid }),
  ]);
  return [
    ...(await Promise.all(named)),
    ['kid of the issuer, key of a stranger', byStranger({ alg: 'RS256', kid: issuer.keyId }, claims)],
    ['no kid, key of a stranger', byStranger({ alg: 'RS256' }, claims)],
    ...[7, null, {}, ['x']].map((kid): Forgery => [
      `kid ${JSON.stringify(kid)}`,
      byStranger({ alg: 'RS256', kid }, claims),
    ]),
    ['PS256 in name only', byStranger({ alg: 'PS256', kid: issuer.keyId }, claims)],
    ['ES256 in name only', byStranger({ alg: 'ES256', kid: issuer.keyId }, claims)],
  ];
};

const named = async (
  issuer: TestIssuer,
  good: JWTPayload,
  wrong: Readonly<Record<string, object>>,
): Promise<Forgery[]> =>
  Promise.all(
    Object.entries(wrong).map(async ([name, change]): Promise<Forgery> => [
      name,
      await issuer.sign({ ...good, ...change }),
    ]),
  );

const timed = (issuer: TestIssuer, good: JWTPayload, now: number): Promise<Forgery[]> =>
  named(issuer, good, {
    expired: { exp: now - 60 },
    'expired long ago': { exp: 1 },
    'without exp': { exp: undefined },
    'exp as text': { exp: String(now + 300) },
    'negative exp': { exp: -1 },
    'nbf to come': { nbf: now + 120 },
    'nbf as text': { nbf: 'soon' },
    'iat to come': { iat: now + 120 },
    'without iat': { iat: undefined },
    'iat long ago': { iat: now - 2 * 24 * 3600 },
    'iat as text': { iat: 'now' },
  });

const claimed = (issuer: TestIssuer, good: JWTPayload): Promise<Forgery[]> =>
  named(issuer, good, {
    'another audience': { aud: 'somebody else' },
    'no audience': { aud: undefined },
    'empty audience': { aud: '' },
    'audiences none': { aud: [] },
    'audience with more': { aud: `${String(good.aud)}x` },
    'audience as object': { aud: { [String(good.aud)]: true } },
    'audience among numbers': { aud: [good.aud, 7] },
    'another issuer': { iss: 'https://issuer.example' },
    'issuer with a slash': { iss: `${issuer.url}/` },
    'issuer in other case': { iss: issuer.url.toUpperCase() },
    'no issuer': { iss: undefined },
    'issuer as list': { iss: [issuer.url] },
    'no subject': { sub: undefined },
    'empty subject': { sub: '' },
    'subject as number': { sub: 7 },
    'subject too long': { sub: 'x'.repeat(501) },
  });

/** A good token, changed after it was signed. */
function mangled(token: string, claims: JWTPayload, keyId: string): Forgery[] {
  const [head = '', body = '', signature = ''] = token.split('.');
  const other = encode({ ...claims, sub: 'somebody-else' });
  const last = signature.at(-1) ?? '';
  return [
    ['another body', `${head}.${other}.${signature}`],
    ['signature cut', `${head}.${body}.${signature.slice(0, -4)}`],
    ['signature of one byte', `${head}.${body}.AA`],
    ['no signature', `${head}.${body}.`],
    ['two parts', `${head}.${body}`],
    ['four parts', `${token}.x`],
    ['five parts, as if encrypted', `${head}.AA.AA.AA.AA`],
    ['data behind', `${token}AAAA`],
    ['a line break behind', `${token}\n`],
    ['a blank before', ` ${token}`],
    ['padding', `${token}==`],
    ['a part in plain base64', `${head}+.${body}.${signature}`],
    ['bits that mean nothing', `${head}.${body}.${signature.slice(0, -1)}${last === 'B' ? 'C' : nextTo(last)}`],
    ['signature of zeros', `${head}.${body}.${'A'.repeat(signature.length)}`],
    ['no head', `.${body}.${signature}`],
    ['a head that is a list', `${encode([])}.${body}.${signature}`],
    ['a head that is no JSON', `${encode('x')}.${body}.${signature}`],
    ['a body that is null', `${head}.${encode('null')}.${signature}`],
    ['a body of deep lists', `${head}.${encode(`{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`)}.${signature}`],
    ['text that is no UTF-8', `${head}.${Buffer.of(0x7b, 0xff, 0x7d).toString('base64url')}.${signature}`],
    ['a JWE’s type', `${encode({ alg: 'dir', enc: 'A256GCM', kid: keyId })}.${body}.${signature}`],
    ['as JSON', JSON.stringify({ protected: head, payload: body, signature })],
    ['too long', `${head}.${encode({ ...claims, x: 'x'.repeat(9000) })}.${signature}`],
  ];
}

/** The last character of 256 bytes carries four bits of nothing: the next one decodes alike. */
const nextTo = (last: string): string => String.fromCodePoint((last.codePointAt(0) ?? 65) + 1);

/** Members with one name, signed by the issuer as if it let people write them; and types that are no JWT's. */
async function doubled(issuer: TestIssuer, claims: JWTPayload): Promise<Forgery[]> {
  const text = JSON.stringify(claims).slice(0, -1);
  const bodies = [`${text},"sub":"somebody-else"}`, `{"\\u0073ub":"x",${text.slice(1)}}`, `${text},"a":{"b":1,"b":2}}`];
  const signed = bodies.map(async (body, at): Promise<Forgery> => {
    const data = `${encode({ alg: 'RS256', kid: issuer.keyId })}.${encode(body)}`;
    const bytes = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', issuer.privateKey, new TextEncoder().encode(data));
    return [`a doubled name, ${at}`, `${data}.${Buffer.from(bytes).toString('base64url')}`];
  });
  const types = ['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'JWE'].map(async (typ): Promise<Forgery> => [
    `typ ${typ}`,
    await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: issuer.keyId, typ }).sign(issuer.privateKey),
  ]);
  return Promise.all([...signed, ...types]);
}
