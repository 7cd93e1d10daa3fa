import 'reflect-metadata';
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import tls from 'node:tls';
import { create, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import type { TruffleClient } from '@truffle/api';
import { HelloSchema, LinkRequestSchema } from '@truffle/api/agent/v1/link';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusalOf, rowCounts } from './refusal.fixture.ts';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
let client: TruffleClient;
let orgId = '';

beforeAll(async () => {
  plane = await startControlPlane('wire');
  ({ client, orgId } = plane.owner);
}, 120_000);

afterAll(async () => {
  await plane?.close();
}, 60_000);

/** Nothing was stored, and the product still answers. */
async function unharmed(attempt: () => Promise<void>): Promise<void> {
  const before = await rowCounts(plane.database);
  await attempt();
  expect(await rowCounts(plane.database)).toEqual(before);
  expect((await client.organizations.getOrganization({ orgId })).organization?.id).toBe(orgId);
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

interface Peer {
  readonly agentId: string;
  readonly key: string;
  readonly certificate: string;
  readonly authority: string;
  readonly endpoint: string;
}

async function request(): Promise<{ readonly csr: Uint8Array<ArrayBuffer>; readonly key: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=agent',
    keys,
    signingAlgorithm: algorithm,
  });
  return {
    csr: new Uint8Array(made.rawData),
    key: x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
  };
}

const keysOf = (csr: Uint8Array<ArrayBuffer>) => ({
  csr,
  sealingPublicKey: new Uint8Array(randomBytes(32)),
  identityPublicKey: new Uint8Array(randomBytes(32)),
  version: '0.0.0',
});

const joinToken = async (agentName: string): Promise<string> =>
  (await client.agents.createJoinToken({ orgId, agentName })).token;

async function enrol(name: string): Promise<Peer> {
  const { csr, key } = await request();
  const answer = await plane.host.client().enrollment.enroll({ token: await joinToken(name), ...keysOf(csr) });
  const pem = (der: Uint8Array) => x509.PemConverter.encode(new Uint8Array(der), 'CERTIFICATE');
  return {
    agentId: answer.agentId,
    key,
    certificate: pem(answer.certificate),
    authority: answer.authorities.map(pem).join('\n'),
    endpoint: answer.endpoints[0] ?? '',
  };
}

describe('a join token', () => {
  const refused = 'Unauthenticated JOIN_TOKEN_INVALID';
  const enroll = (given: string, csr: Uint8Array<ArrayBuffer>) =>
    refusalOf(plane.host.client().enrollment.enroll({ token: given, ...keysOf(csr) }));

  it('enrols nobody when it is wrong or past its time', async () => {
    const { csr } = await request();
    const late = await joinToken('late');
    await plane.database.admin.query(
      `update agent_gateway.join_token set expires_at = now() - interval '1 minute' where token_sha256 = $1`,
      [createHash('sha256').update(late).digest()],
    );
    await unharmed(async () => {
      expect(await enroll(late, csr)).toBe(refused);
      expect(await enroll(`${late}x`, csr)).toBe(refused);
      expect(await enroll("' or 1=1 --", csr)).toBe(refused);
      expect(await enroll('', csr)).toBe('InvalidArgument INVALID_ARGUMENT token');
    });
  });

  it('enrols nobody with what is no certificate request', async () => {
    const given = await joinToken('odd');
    await unharmed(async () =>
      expect(await enroll(given, new Uint8Array(randomBytes(200)))).toMatch(/^InvalidArgument \S+ csr$/),
    );
    const { csr } = await request();
    expect(await enroll(given, csr)).toBe('accepted');
  });

  it('enrols no second one: who comes with another request ends the first too', async () => {
    const given = await joinToken('stolen');
    const [first, second] = [await request(), await request()];
    expect(await enroll(given, first.csr)).toBe('accepted');
    expect(await enroll(given, second.csr)).toBe(refused);
    expect(await enroll(given, first.csr)).toBe(refused);
    const types = async () =>
      (await client.events.listEvents({ orgId, page: { size: 200 } })).events.map((e) => e.type);
    const told = ['dev.truffle.join_token.misused.v1', 'dev.truffle.agent.revoked.v1'];
    // An event is listed once its place in the order of events is known.
    await expect.poll(types, { timeout: 10_000 }).toEqual(expect.arrayContaining(told));
  });
});

/** What a TLS connection to the agents' port comes to: `refused`, or what the server sent first. */
function dial(peer: Pick<Peer, 'endpoint'>, options: tls.ConnectionOptions, bytes?: Buffer): Promise<string> {
  const [address = '', port = ''] = peer.endpoint.split(':');
  return new Promise((resolve) => {
    const socket = tls.connect({
      host: address,
      port: Number(port),
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      ...options,
    });
    socket.setTimeout(5_000, () => socket.destroy(new Error('silence')));
    let heard = 0;
    socket.on('secureConnect', () => socket.write(bytes ?? 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'));
    socket.on('data', (data: Buffer) => {
      heard += data.length;
      if (bytes === undefined) socket.destroy();
    });
    socket.on('error', (error) => resolve(error.message === 'silence' ? 'silence' : 'refused'));
    socket.on('close', () => resolve(heard > 0 ? 'heard' : 'refused'));
  });
}

async function foreign(orgOfIt: string, agentId: string): Promise<{ key: string; cert: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=agent',
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `truffle://${orgOfIt}/${agentId}` }])],
  });
  return {
    key: x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    cert: made.toString('pem'),
  };
}

/** Says Hello; how the stream ends. */
function hello(peer: Peer, bytes?: Buffer): Promise<string> {
  const credentials = grpc.credentials.createSsl(
    Buffer.from(peer.authority),
    Buffer.from(peer.key),
    Buffer.from(peer.certificate),
  );
  const wire = new grpc.Client(peer.endpoint, credentials, {
    'grpc.ssl_target_name_override': 'agents.truffle.internal',
    'grpc.use_local_subchannel_pool': 1,
  });
  const same = (data: Buffer) => data;
  const call = wire.makeBidiStreamRequest('/truffle.agent.v1.AgentLinkService/Link', same, same, {
    deadline: Date.now() + 5_000,
  });
  const value = create(HelloSchema, {
    protocolMin: 1,
    protocolMax: 1,
    incarnation: webcrypto.randomUUID(),
    version: '0',
    maxInFlight: 1,
  });
  call.write(
    bytes ?? Buffer.from(toBinary(LinkRequestSchema, create(LinkRequestSchema, { frame: { case: 'hello', value } }))),
  );
  return new Promise((resolve) => {
    let heard = '';
    call.on('data', (data: Buffer) => {
      heard += data.toString('latin1');
      if (bytes === undefined && !heard.includes('REVOKED')) call.cancel();
    });
    call.on('error', () => undefined);
    call.on('status', (status: grpc.StatusObject) => {
      wire.close();
      resolve(
        heard.includes('AGENT_REVOKED') || status.details.includes('AGENT_REVOKED')
          ? 'revoked'
          : `${grpc.status[status.code]} ${heard.length > 0 ? 'heard' : ''}`.trim(),
      );
    });
  });
}

describe("the agents' port", () => {
  it('lets through the handshake only who shows a certificate of the authority', async () => {
    const peer = await enrol('good');
    expect(await dial(peer, { key: peer.key, cert: peer.certificate })).toBe('heard');
    const own = await foreign(orgId, peer.agentId);
    await unharmed(async () => {
      expect(await dial(peer, {})).toBe('refused');
      expect(await dial(peer, own)).toBe('refused');
      expect(await hello({ ...peer, key: own.key, certificate: own.cert })).toMatch(
        /^UNAVAILABLE$|^DEADLINE_EXCEEDED$/,
      );
    });
  });

  it('speaks TLS 1.2 and 1.3 alone, by ciphers that authenticate what they hide', async () => {
    const peer = await enrol('versions');
    const own = { key: peer.key, cert: peer.certificate };
    expect(await dial(peer, { ...own, minVersion: 'TLSv1.3' })).toBe('heard');
    expect(await dial(peer, { ...own, maxVersion: 'TLSv1.2' })).toBe('heard');
    // OpenSSL of today offers what is older, and what has no authentication of its own, at this level only.
    const old = (...names: readonly string[]) => ({ ...own, ciphers: `${names.join(':')}:@SECLEVEL=0` });
    await unharmed(async () => {
      expect(await dial(peer, { ...old('ALL'), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).toBe('refused');
      for (const cipher of ['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'AES128-SHA', 'AECDH-AES128-SHA'])
        expect(await dial(peer, { ...old(cipher), maxVersion: 'TLSv1.2' }), cipher).toBe('refused');
    });
  });

  it('gives no session to an agent that was revoked', async () => {
    const peer = await enrol('gone');
    expect(await hello(peer)).toMatch(/heard/);
    await client.agents.deleteAgent({ agentId: peer.agentId });
    expect(await hello(peer)).toBe('revoked');
  });

  it('takes no garbage for a frame', async () => {
    const peer = await enrol('noise');
    await unharmed(async () => {
      for (const bytes of [
        randomBytes(50),
        Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f]),
        Buffer.alloc(300 * 1024, 0xff),
      ])
        expect(await hello(peer, bytes)).not.toMatch(/^OK/);
      await dial(peer, { key: peer.key, cert: peer.certificate }, randomBytes(10_000));
    });
    expect(await hello(peer)).toMatch(/heard/);
  });
});
