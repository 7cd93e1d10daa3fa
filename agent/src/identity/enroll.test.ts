import { createServer, type Server } from 'node:http';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createPublicKey, createHash, X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { EnrollmentService, type EnrollRequest } from '@truffle/api/agent/v1/agent_service';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { newAuthority, type Authority } from '../testing/pki.ts';
import { enroll, EnrollmentError } from './enroll.ts';
import { readIdentity } from './identity.ts';

const token = 'tfj_a-token-that-nobody-may-see';
let authority: Authority;
beforeAll(async () => {
  authority = await newAuthority();
});

interface Control {
  readonly url: string;
  readonly requests: EnrollRequest[];
  /** Fails the next answers after the request was taken. */
  lose: number;
  authorities: () => Uint8Array<ArrayBuffer>[];
}

/** A control plane that enrols whoever has the token: the same request gets the same certificate. */
async function startControl(): Promise<Control> {
  const issued = new Map<string, Uint8Array<ArrayBuffer>>();
  const control: Control = { url: '', requests: [], lose: 0, authorities: () => [authority.der] };
  const server: Server = createServer(
    connectNodeAdapter({
      routes: (router) => {
        router.service(EnrollmentService, {
          enroll: async (request) => {
            control.requests.push(request);
            if (request.token !== token)
              throw new ConnectError(`join token ${request.token} is not valid`, Code.Unauthenticated);
            const key = createHash('sha256').update(request.csr).digest('hex');
            const certificate = issued.get(key) ?? (await authority.sign(new Uint8Array(request.csr), 'agt_1'));
            issued.set(key, certificate);
            if (control.lose-- > 0) throw new ConnectError('the answer is lost', Code.Unavailable);
            return {
              agentId: 'agt_1',
              orgId: 'org_1',
              certificate,
              authorities: control.authorities(),
              endpoints: ['127.0.0.1:1'],
              serverName: 'gateway.test',
            };
          },
        });
      },
    }),
  );
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(control, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const pin = (): Buffer =>
  createHash('sha256')
    .update(new X509Certificate(authority.der).publicKey.export({ type: 'spki', format: 'der' }))
    .digest();

const refusal = async (attempt: Promise<unknown>): Promise<EnrollmentError> => {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof EnrollmentError)) throw new Error('it was not refused', { cause: error });
  return error;
};

describe('enrolling', () => {
  test('stores a whole identity that only its owner can read', async () => {
    const control = await startControl();
    const dataFolder = testFolder();
    const identity = await enroll({
      server: control.url,
      token,
      dataFolder,
      caPin: `sha256:${pin().toString('hex')}`,
      version: '1',
    });
    expect(identity).toMatchObject({
      agentId: 'agt_1',
      orgId: 'org_1',
      endpoints: ['127.0.0.1:1'],
      serverName: 'gateway.test',
    });
    expect(readIdentity(dataFolder)).toEqual(identity);
    const folder = join(dataFolder, 'identity');
    const files = readdirSync(folder).sort();
    expect(files).toEqual([
      'agent.json',
      'authorities.pem',
      'certificate.pem',
      'identity.key.pem',
      'mtls.key.pem',
      'sealing.key',
    ]);
    for (const file of files) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const [request] = control.requests;
    expect(request?.sealingPublicKey).toEqual(identity.sealing.publicKey);
    const certified = new X509Certificate(identity.certificate).publicKey;
    expect(createPublicKey(identity.mtlsKey).equals(certified)).toBe(true);
    expect(request?.identityPublicKey).toHaveLength(32);
  });

  test('repeats the same request until an answer arrives, then asks no more', async () => {
    const control = await startControl();
    const dataFolder = testFolder();
    const input = { server: control.url, token, dataFolder, version: '1' };
    control.lose = 2;
    expect((await refusal(enroll(input))).code).toBe('ENROLLMENT_UNREACHABLE');
    expect(readIdentity(dataFolder)).toBeUndefined();
    expect((await refusal(enroll(input))).code).toBe('ENROLLMENT_UNREACHABLE');
    const identity = await enroll(input);
    expect(new Set(control.requests.map(({ csr }) => Buffer.from(csr).toString('hex'))).size).toBe(1);
    expect(await enroll({ ...input, token: 'another' })).toEqual(identity);
    expect(control.requests).toHaveLength(3);
  });

  test('a wrong token is refused without being shown', async () => {
    const control = await startControl();
    const error = await refusal(
      enroll({ server: control.url, token: 'tfj_wrong', dataFolder: testFolder(), version: '1' }),
    );
    expect(error.code).toBe('ENROLLMENT_REFUSED');
    expect(`${error.message}${error.stack ?? ''}`).not.toContain('tfj_wrong');
  });

  test('another authority than the pinned one is refused', async () => {
    const control = await startControl();
    const dataFolder = testFolder();
    const wrong = Buffer.alloc(32, 1).toString('base64');
    const error = await refusal(enroll({ server: control.url, token, dataFolder, caPin: wrong, version: '1' }));
    expect(error.code).toBe('CA_PIN_MISMATCH');
    expect(readIdentity(dataFolder)).toBeUndefined();
    expect((await refusal(enroll({ server: control.url, token, dataFolder, caPin: 'abc', version: '1' }))).code).toBe(
      'CA_PIN_MALFORMED',
    );
  });

  test('of several authorities only the pinned ones are trusted; while they are being changed there are two pins', async () => {
    const control = await startControl();
    const [stranger, dataFolder] = [await newAuthority('stranger'), testFolder()];
    control.authorities = () => [stranger.der, authority.der];
    const one = pin().toString('hex');
    const identity = await enroll({ server: control.url, token, dataFolder, caPin: one, version: '1' });
    expect(identity.authorities.match(/BEGIN/g)).toHaveLength(1);
    expect(new X509Certificate(identity.authorities).subject).toBe('CN=test authority');
    expect(identity.server).toBe(control.url);
    const both = `${one},${Buffer.alloc(32, 1).toString('hex')}`;
    expect(
      await enroll({ server: control.url, token, dataFolder: testFolder(), caPin: both, version: '1' }),
    ).toBeDefined();
  });

  test('a certificate from none of the authorities is refused', async () => {
    const control = await startControl();
    const stranger = await newAuthority('stranger');
    control.authorities = () => [stranger.der];
    const error = await refusal(enroll({ server: control.url, token, dataFolder: testFolder(), version: '1' }));
    expect(error.code).toBe('CERTIFICATE_INVALID');
  });

  test('a control plane that is not there is told apart from one that refuses', async () => {
    const error = await refusal(
      enroll({ server: 'http://127.0.0.1:1', token, dataFolder: testFolder(), version: '1' }),
    );
    expect(error.code).toBe('ENROLLMENT_UNREACHABLE');
  });
});
