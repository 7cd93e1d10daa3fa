import { generateKeyPairSync, randomBytes } from 'node:crypto';
import http2 from 'node:http2';
import net from 'node:net';
import type { TruffleClient } from '@truffle/api';
import { Audience } from '@truffle/api/options/v1/method';
import { rulesOf } from '@truffle/kit';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everyService as everyContract } from './contract.fixture.ts';
import { rowCounts } from './refusal.fixture.ts';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
let client: TruffleClient;
let token = '';
let orgId = '';

beforeAll(async () => {
  plane = await startControlPlane('wire');
  ({ client, token, orgId } = plane.owner);
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

describe('the public port', () => {
  const internal = everyContract.flatMap((s) =>
    s.methods.filter((m) => rulesOf(m).audience !== Audience.PUBLIC).map((m) => `/${s.typeName}/${m.name}`),
  );

  it('does not have the methods of services, whatever context is shown', async () => {
    expect(internal.length).toBeGreaterThan(8);
    const { privateKey } = generateKeyPairSync('ed25519');
    const forged = await new SignJWT({ org: orgId, rid: 'x' })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'orchestration' })
      .setIssuer('orchestration')
      .setAudience('tenant')
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(privateKey);
    for (const context of ['', 'e30.e30.', forged])
      for (const path of internal) {
        const response = await fetch(`${plane.host.url}${path}`, {
          method: 'POST',
          body: '{}',
          headers: { 'content-type': 'application/json', 'truffle-context': context, authorization: `Bearer ${token}` },
        });
        expect([path, response.status]).toEqual([path, 404]);
      }
  });

  it('takes no garbage for a message', async () => {
    const path = '/truffle.tenant.v1.WorkspaceService/CreateWorkspace';
    const whole = Buffer.concat([
      Buffer.from([0x0a, 30]),
      Buffer.from(orgId),
      Buffer.from([0x12, 5]),
      Buffer.from('fresh'),
    ]);
    await unharmed(async () => {
      for (const body of [
        randomBytes(64),
        whole.subarray(0, 20),
        Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        Buffer.from([0x0a, 2, 0xc3, 0x28]),
      ]) {
        const response = await fetch(`${plane.host.url}${path}`, {
          method: 'POST',
          body: new Uint8Array(body),
          headers: { 'content-type': 'application/proto', authorization: `Bearer ${token}` },
        });
        const { code, message } = (await response.json()) as { code: string; message: string };
        // What is no message at all is `internal` in every protocol of gRPC's family.
        expect(`${code}: ${message}`).toMatch(/^(internal: parse binary|invalid_argument: |not_found: )/);
      }
      expect(await rawAnswer(randomBytes(2_000))).toMatch(/^(HTTP\/1\.1 400 .*)?$/s);
      expect(
        await rawAnswer(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), randomBytes(2_000)])),
      ).not.toMatch(/HTTP\/1\.1 200/);
      expect(
        await rawAnswer(
          Buffer.from('GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'),
        ),
      ).toMatch(/^HTTP\/1\.1 400/);
      await truncatedGrpc(path);
    });
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])('does not serve %s', async (method) => {
    await unharmed(async () => {
      for (const path of ['/truffle.tenant.v1.WorkspaceService/CreateWorkspace', `/v1/organizations/${orgId}`]) {
        const answer = await rawAnswer(
          Buffer.from(
            `${method} ${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
          ),
        );
        expect(answer).toMatch(/^HTTP\/1\.1 (404|405|415|501)/);
      }
    });
  });
});

/** What the public port says to bytes, until it closes or is silent for a second. */
function rawAnswer(bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(Number(new URL(plane.host.url).port), '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

/** A gRPC message that says it is longer than it is. */
async function truncatedGrpc(path: string): Promise<void> {
  const session = http2.connect(plane.host.url);
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${token}`,
    });
    const status = new Promise<string>((resolve) => {
      const told = (headers: http2.IncomingHttpHeaders) =>
        headers['grpc-status'] !== undefined && resolve(String(headers['grpc-status']));
      stream.on('response', told);
      stream.on('trailers', told);
      stream.on('close', () => resolve('closed'));
    });
    stream.resume();
    stream.end(Buffer.from([0, 0, 0, 1, 0, 1, 2, 3]));
    expect(await status).not.toBe('0');
  } finally {
    session.destroy();
  }
}

/** Text that is not meant for the API is tried over HTTP as it is. */
describe('JSON', () => {
  const post = async (path: string, body: string, type = 'application/json') => {
    const response = await fetch(`${plane.host.url}${path}`, {
      method: 'POST',
      body,
      headers: { 'content-type': type, authorization: `Bearer ${token}` },
    });
    return `${response.status} ${await response.text()}`;
  };

  it.each([
    ['an unknown field', '{"name":"x","surprise":1}'],
    ['half a document', '{"name":'],
    ['a wrong type', '{"name":{"a":1}}'],
    ['nesting', `{"name":${'['.repeat(50_000)}`],
    ['no JSON', 'hello'],
  ])('is refused by both ways in: %s', async (_name, body) => {
    const before = await rowCounts(plane.database);
    expect(await post(`/v1/organizations/${orgId}/workspaces`, body)).toMatch(/^400 .*"code":/s);
    expect(await post('/truffle.tenant.v1.WorkspaceService/CreateWorkspace', body)).toMatch(
      /^400 .*"code":"invalid_argument"/s,
    );
    expect(await rowCounts(plane.database)).toEqual(before);
  });
});
