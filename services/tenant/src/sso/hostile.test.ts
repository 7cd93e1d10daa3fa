import { Code } from '@connectrpc/connect';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestIssuer } from '../issuer/issuer.fixture.ts';
import { refusal } from '../people.fixture.ts';
import { startSso, type Owner, type SsoWorld } from './sso.fixture.ts';

let world: SsoWorld;
let owner: Owner;
let connectionId = '';
const sso = () => world.people.host.client().sso;
const claims = { sub: 'ada-there', email: 'ada@ada.example', email_verified: true };
const begin = () => sso().beginSignIn({ by: { case: 'connectionId', value: connectionId } });
const notGood = { code: Code.Unauthenticated, reason: 'TOKEN_NOT_GOOD' };
const noFlow = { code: Code.Unauthenticated, reason: 'FLOW_NOT_GOOD' };

beforeAll(async () => {
  world = await startSso();
  owner = await world.people.signUp('ada');
  connectionId = (await world.connect(owner)).id;
  await world.prove(owner, connectionId, 'ada.example');
});

afterAll(async () => world?.close());

afterEach(() => {
  world.issuer.document = {};
  world.issuer.intercept = () => false;
});

describe('the request', () => {
  it('carries state, nonce and S256, and the redirect of the public origin', async () => {
    const { searchParams } = new URL((await begin()).url);
    expect(searchParams.get('code_challenge_method')).toBe('S256');
    expect(searchParams.get('code_challenge')).toMatch(/^[\w-]{43}$/);
    expect(searchParams.get('nonce')).toMatch(/^[\w-]{43}$/);
    expect(searchParams.get('response_type')).toBe('code');
    expect(searchParams.get('redirect_uri')).toBe('https://truffle.example/sso/callback');
    const { rows } = await world.people.database.admin.query('select * from tenant.sign_in_flow');
    const state = searchParams.get('state') ?? '';
    expect(JSON.stringify(rows)).not.toContain(Buffer.from(state).toString('hex'));
  });

  it('is alike for every address of a domain, whether it has an account or not', async () => {
    await world.signIn(connectionId, claims);
    const shape = async (email: string) => {
      const { url } = await sso().beginSignIn({ by: { case: 'email', value: email } });
      const { searchParams } = new URL(url);
      return [...searchParams.keys()].map((key) => [key, (searchParams.get(key) ?? '').replace(email, '').length]);
    };
    expect(await shape('ada@ada.example')).toEqual(await shape('bob@ada.example'));
    for (const email of ['ada@example.com', 'bob@nowhere.example'])
      expect((await refusal(sso().beginSignIn({ by: { case: 'email', value: email } }))).reason).toBe('NO_CONNECTION');
  });
});

describe('an answer', () => {
  it('is good once', async () => {
    const { url, binding } = await begin();
    const answer = await world.issuer.approve(url, claims);
    const both = await Promise.allSettled([1, 2].map(() => sso().finishSignIn({ ...answer, binding })));
    expect(both.filter((each) => each.status === 'fulfilled')).toHaveLength(1);
    expect(await refusal(sso().finishSignIn({ ...answer, binding }))).toEqual(noFlow);
  });

  it('in another browser than the one that began is not looked at', async () => {
    const [mine, victims] = [await begin(), await begin()];
    const answer = await world.issuer.approve(mine.url, claims);
    const asked = world.issuer.asked.length;
    for (const binding of [victims.binding, 'tfc_x', mine.binding.slice(0, -1)])
      expect(await refusal(sso().finishSignIn({ ...answer, binding }))).toEqual(noFlow);
    expect(world.issuer.asked).toHaveLength(asked);
    await sso().finishSignIn({ ...answer, binding: mine.binding });
  });

  it('with a code that was put into another flow fails by its PKCE, and by its nonce', async () => {
    const [mine, victims] = [await begin(), await begin()];
    const stolen = await world.issuer.approve(victims.url, claims);
    const own = await world.issuer.approve(mine.url, claims);
    const mixed = { ...own, code: stolen.code, binding: mine.binding };
    expect(await refusal(sso().finishSignIn(mixed))).toEqual(notGood);
    const other = await begin();
    const wrongNonce = await world.issuer.approve(other.url, { ...claims, nonce: 'another' });
    expect(await refusal(sso().finishSignIn({ ...wrongNonce, binding: other.binding }))).toEqual(notGood);
    const third = await begin();
    const noNonce = await world.issuer.approve(third.url, { ...claims, nonce: undefined });
    expect(await refusal(sso().finishSignIn({ ...noNonce, binding: third.binding }))).toEqual(notGood);
  });

  it('of another issuer, or of none, is a mix-up', async () => {
    for (const iss of ['https://issuer.example', '', `${world.issuer.url}/`]) {
      const { url, binding } = await begin();
      const answer = await world.issuer.approve(url, claims);
      expect(await refusal(sso().finishSignIn({ ...answer, iss, binding })), iss).toEqual(notGood);
    }
  });

  it.each([
    ['of another issuer', { iss: 'https://issuer.example' }],
    ['for another client', { aud: 'another' }],
    ['for more clients without saying whose', { aud: ['truffle', 'another'], azp: 'another' }],
    ['that has ended', { exp: 1 }],
    ['without a subject', { sub: undefined }],
  ])('with an identity token %s is refused', async (_, change) => {
    const { url, binding } = await begin();
    const answer = await world.issuer.approve(url, { ...claims, ...change });
    expect(await refusal(sso().finishSignIn({ ...answer, binding }))).toEqual(notGood);
  });

  it('is refused when the keys are others', async () => {
    const { url, binding } = await begin();
    const stranger = await new TestIssuer().start();
    const nonce = new URL(url).searchParams.get('nonce') ?? '';
    const token = await stranger.sign({ ...claims, nonce, iss: world.issuer.url }, { kid: world.issuer.keyId });
    await stranger.close();
    const answer = await world.issuer.approve(url, claims);
    world.issuer.intercept = (path, response) => {
      if (path !== '/token') return false;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ access_token: 'x', token_type: 'Bearer', id_token: token }));
      return true;
    };
    expect(await refusal(sso().finishSignIn({ ...answer, binding }))).toEqual(notGood);
  });

  it('is refused after its time, and when the connection was changed meanwhile', async () => {
    const late = await begin();
    const answer = await world.issuer.approve(late.url, claims);
    await world.people.database.admin.query('update tenant.sign_in_flow set expires_at = now()');
    expect(await refusal(sso().finishSignIn({ ...answer, binding: late.binding }))).toEqual(noFlow);
    const changed = await begin();
    const second = await world.issuer.approve(changed.url, claims);
    await world.people.database.admin.query('update tenant.connection set revision = revision + 1');
    expect(await refusal(sso().finishSignIn({ ...second, binding: changed.binding }))).toEqual(noFlow);
  });

  it('that is huge, slow or broken ends soon, as an answer that is not good', async () => {
    for (const body of ['x'.repeat(3_000_000), '{', '[]', '{"id_token":7}', '']) {
      const { url, binding } = await begin();
      const answer = await world.issuer.approve(url, claims);
      world.issuer.intercept = (path, response) => {
        if (path === '/token') response.writeHead(200, { 'content-type': 'application/json' }).end(body);
        return path === '/token';
      };
      expect(await refusal(sso().finishSignIn({ ...answer, binding })), body.slice(0, 20)).toEqual(notGood);
      world.issuer.intercept = () => false;
    }
    const { url, binding } = await begin();
    const answer = await world.issuer.approve(url, claims);
    world.issuer.intercept = (path) => path === '/token';
    const began = performance.now();
    expect(await refusal(sso().finishSignIn({ ...answer, binding }))).toEqual(notGood);
    expect(performance.now() - began).toBeLessThan(9_000);
  }, 20_000);

  it('does not send our client’s secret where a redirect points', async () => {
    const { url, binding } = await begin();
    const answer = await world.issuer.approve(url, claims);
    world.issuer.intercept = (path, response) => {
      if (path === '/token') response.writeHead(307, { location: '/elsewhere' }).end();
      return path === '/token';
    };
    expect(await refusal(sso().finishSignIn({ ...answer, binding }))).toEqual(notGood);
    expect(world.issuer.asked).not.toContain('/elsewhere');
  });
});

describe('a discovery document', () => {
  let issuer: TestIssuer;
  let id = '';

  beforeEach(async () => {
    issuer = await new TestIssuer().start();
    id = (await world.connect(owner, { issuer: issuer.url })).id;
  });

  afterEach(() => issuer.close());

  const start = () => sso().beginSignIn({ by: { case: 'connectionId', value: id } });

  it.each([
    ['of another issuer', { issuer: 'https://issuer.example' }],
    ['of an issuer with a slash', { issuer: 'http://127.0.0.1/' }],
    ['without keys', { jwks_uri: undefined }],
    ['with keys inside', { jwks_uri: 'http://169.254.169.254/latest/meta-data' }],
    ['with keys in a file', { jwks_uri: 'file:///etc/passwd' }],
    ['with a plain address for keys', { jwks_uri: 'http://issuer.example/keys' }],
    ['that runs scripts', { authorization_endpoint: 'javascript:alert(1)' }],
    ['that sends people to a plain address', { authorization_endpoint: 'http://issuer.example/authorize' }],
    ['that says nowhere', { authorization_endpoint: undefined }],
  ])('%s is not followed', async (_, document) => {
    issuer.document = document;
    const { code } = await refusal(start());
    expect(code).toBe(Code.Unauthenticated);
  });

  it('that is huge, or sends on, or is none is not followed, and not asked for again at once', async () => {
    issuer.intercept = (_, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end('x'.repeat(400_000));
      return true;
    };
    for (let i = 0; i < 5; i++) expect((await refusal(start())).reason).toBe('TOKEN_NOT_GOOD');
    expect(issuer.asked).toHaveLength(1);
  });

  it.each(['http://169.254.169.254/token', 'https://10.0.0.1/token', 'http://[::1]/token'])(
    'with its token endpoint at %s reaches nothing there',
    async (endpoint) => {
      issuer.document = { token_endpoint: endpoint };
      const { url, binding } = await start();
      const answer = await issuer.approve(url, claims);
      expect(await refusal(sso().finishSignIn({ ...answer, binding }))).toEqual(notGood);
      expect(issuer.asked).not.toContain('/token');
    },
  );
});

describe('an organization', () => {
  it('with the same issuer as another is another one: neither links nor people go over', async () => {
    const mallory = await world.people.signUp('mallory');
    const theirs = (await world.connect(mallory)).id;
    const first = await world.signIn(connectionId, claims);
    expect((await refusal(world.signIn(theirs, claims))).reason).toBe('LINK_REQUIRED');
    const { url } = await sso().beginSignIn({ by: { case: 'connectionId', value: theirs } });
    const mine = await begin();
    const answer = await world.issuer.approve(url, claims);
    expect(await refusal(sso().finishSignIn({ ...answer, binding: mine.binding }))).toEqual(noFlow);
    const api = world.people.host.client(first.sessionToken);
    expect((await refusal(api.organizations.getOrganization({ orgId: mallory.orgId }))).code).toBe(Code.NotFound);
  });
});
