import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { Code } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createTruffleClient, type TruffleClient } from '@truffle/api';
import { makeBillingModule } from '@truffle/billing';
import { startEdge } from '@truffle/edge';
import { InternalTls, listenOrigin, sessionOptions, type Host, type OriginServer } from '@truffle/kit';
import { ensureInternalTls, openStateFolder, tlsFolder, type Part } from '@truffle/local';
import { makeTenantModule } from '@truffle/tenant';
import {
  openFront,
  testDatabase,
  testHost,
  until,
  type Front,
  type TestDatabase,
  type TestHost,
} from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everyMigration } from './services.ts';

const root = mkdtempSync(join(tmpdir(), 'truffle-tls-'));
const strange = mkdtempSync(join(tmpdir(), 'truffle-tls-'));
const [folder, other] = [openStateFolder(root), openStateFolder(strange)];
const of = (part: Part): InternalTls => new InternalTls(tlsFolder(folder, part));

let database: TestDatabase;
const fronts: Front[] = [];
const hosts: TestHost[] = [];
let edge: Host;
let client: TruffleClient;
let tenantUrl: string;

/** Two services, each in a place of its own, and the edge before them: all that is between them is over TLS. */
beforeAll(async () => {
  await ensureInternalTls(folder);
  await ensureInternalTls(other);
  database = await testDatabase(everyMigration);
  const [tenant, billing] = [await openFront(), await openFront()];
  fronts.push(tenant, billing);
  tenantUrl = `https://${tenant.address}`;
  const peers = ['tenant', 'template', 'orchestration', 'agent-gateway']
    .map((name) => `${name}=${tenantUrl}`)
    .concat(`billing=https://${billing.address}`)
    .join(',');
  const env = (part: Part) => ({
    TRUFFLE_PEERS: peers,
    TRUFFLE_TLS_DIR: tlsFolder(folder, part),
    TRUFFLE_LISTEN_PEERS: 'tenant,billing,edge,operator',
    TRUFFLE_TRUSTED_PROXIES: '127.0.0.1,::1,::ffff:127.0.0.1',
  });
  hosts.push(await testHost(database, { tenant: makeTenantModule }, env('tenant')));
  tenant.to(Number(new URL(hosts[0]?.url ?? '').port));
  hosts.push(await testHost(database, { billing: makeBillingModule }, env('billing')));
  billing.to(Number(new URL(hosts[1]?.url ?? '').port));
  edge = await startEdge({ ...env('edge'), TRUFFLE_LISTEN: '127.0.0.1:0', TRUFFLE_LOG_LEVEL: 'error' });
  const as = (token?: string) =>
    createTruffleClient(
      createConnectTransport({
        baseUrl: `http://127.0.0.1:${edge.port}`,
        httpVersion: '1.1',
        interceptors: [
          (next) => (request) => {
            if (token !== undefined) request.header.set('authorization', `Bearer ${token}`);
            return next(request);
          },
        ],
      }),
    );
  const up = await as().accounts.signUp({
    email: 'ada@example.com',
    password: 'correct horse battery',
    orgName: 'ada',
  });
  client = as(up.sessionToken);
}, 120_000);

afterAll(async () => {
  await edge?.close();
  for (const each of hosts.toReversed()) await each.close();
  for (const each of fronts) await each.close();
  await database?.close();
  for (const each of [root, strange]) rmSync(each, { recursive: true, force: true });
}, 60_000);

/** How a connection with these options ends: what the server says to a request, or the error. */
function asked(url: string, options: http2.ClientSessionOptions): Promise<string> {
  return new Promise((resolve) => {
    const session = http2.connect(url, options);
    const end = (answer: string): void => {
      session.destroy();
      resolve(answer);
    };
    session.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    session.on('close', () => end('closed'));
    const stream = session.request({ ':path': '/healthz' });
    // What befell the connection is told after its streams have failed for it.
    stream.on('error', (error: NodeJS.ErrnoException) => setImmediate(() => end(error.code ?? error.message)));
    stream.on('response', (headers) => end(String(headers[':status'])));
  });
}

/** As a part of an installation, or as nobody. */
const showing = (shown: object): http2.ClientSessionOptions => ({
  createConnection: (authority) =>
    tls.connect({
      host: authority.hostname,
      port: Number(authority.port),
      servername: 'tenant.truffle.internal',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
      ...shown,
    }),
});

describe('services', () => {
  it('call each other and are called by the edge over TLS, each by its own name', async () => {
    // The tenant service asks billing for the quota, and billing asks it who this is.
    const { organizations } = await client.organizations.listOrganizations({});
    const orgId = organizations[0]?.id ?? '';
    await client.workspaces.createWorkspace({ orgId, name: 'second' });
    expect((await client.plans.getEntitlements({ orgId })).entitlements).not.toHaveLength(0);
    expect(await asked(tenantUrl, sessionOptions('tenant', tenantUrl, of('operator')))).toBe('200');
  });

  it('refuse who shows no certificate, one of another authority, or the name of nobody who calls', async () => {
    const material = (part: Part, from = folder) => {
      const { cert, key } = new InternalTls(tlsFolder(from, part));
      return { cert, key };
    };
    for (const shown of [{}, material('tenant', other), material('nats'), material('all-in-one')])
      expect(await asked(tenantUrl, showing(shown))).not.toBe('200');
    expect(await asked(tenantUrl, showing(material('billing')))).toBe('200');
    // Nor is anything said in clear, nor in an old protocol.
    expect(await asked(tenantUrl.replace('https', 'http'), {})).not.toBe('200');
    expect(await asked(tenantUrl, showing({ ...material('billing'), maxVersion: 'TLSv1.2' }))).not.toBe('200');
  });

  it('are believed under their own name alone, and by their installation', async () => {
    expect(await asked(tenantUrl, sessionOptions('billing', tenantUrl, of('edge')))).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
    const stranger = new InternalTls(tlsFolder(other, 'edge'));
    expect(await asked(tenantUrl, sessionOptions('tenant', tenantUrl, stranger))).toMatch(
      /ISSUER|SIGNATURE|SELF_SIGNED/,
    );
    // Where the template service should be, the tenant service is.
    const { organizations } = await client.organizations.listOrganizations({});
    await expect(client.templates.listTemplates({ orgId: organizations[0]?.id ?? '' })).rejects.toMatchObject({
      code: Code.Unavailable,
    });
  });

  it('do not start where a certificate is asked for and none is given', async () => {
    const env = { TRUFFLE_LISTEN_PEERS: 'edge' };
    await expect(testHost(database, { tenant: makeTenantModule }, env)).rejects.toThrow('TRUFFLE_TLS_DIR');
    const peer = { TRUFFLE_PEERS: `billing=${tenantUrl}` };
    await expect(testHost(database, { tenant: makeTenantModule }, peer)).rejects.toThrow('TRUFFLE_TLS_DIR');
  });
});

describe('a certificate that was renewed', () => {
  it('is shown to new connections, while the old ones go on', async () => {
    const own = mkdtempSync(join(root, 'renewed-'));
    const put = (from: typeof folder): void => {
      const at = tlsFolder(from, 'tenant');
      for (const name of readdirSync(at)) copyFileSync(join(at, name), join(own, name));
    };
    put(folder);
    const inside = { tls: new InternalTls(own, 20), peers: ['edge'] };
    const server: OriginServer = await listenOrigin(
      (_, response) => (response as { end(text: string): void }).end('here'),
      {
        host: '127.0.0.1',
        port: 0,
        inside,
      },
    );
    const url = `https://127.0.0.1:${server.port}`;
    const old = http2.connect(url, sessionOptions('tenant', url, of('edge')));
    await new Promise((done) => old.once('connect', done));
    put(other);
    const renewed = sessionOptions('tenant', url, new InternalTls(tlsFolder(other, 'edge')));
    await until('the renewed certificate to be shown', async () => (await asked(url, renewed)) === '200');
    const stream = old.request({ ':path': '/' });
    const status = await new Promise((done) => stream.once('response', (headers) => done(headers[':status'])));
    expect(status).toBe(200);
    old.destroy();
    await server.close(0);
  });
});
