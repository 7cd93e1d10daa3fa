import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcp, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { generateSealingKey } from '@truffle/sealing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { IdentityFolder, identityFiles, pairFiles } from '../identity/folder.ts';
import { gatewayName, startGateway } from '../testing/gateway.ts';
import { testFolder } from '../testing/folder.ts';
import { newAuthority, type Authority } from '../testing/pki.ts';
import { describeChecks, type Check } from './check.ts';
import { examine, type DoctorInput } from './doctor.ts';

interface Patient {
  readonly folder: string;
  readonly authority: Authority;
}

/** What enrolment would have written, for a gateway at `endpoint`. */
async function enrolled(endpoint: string, authority: Authority, server?: string, until?: number): Promise<Patient> {
  const folder = testFolder();
  chmodSync(folder, 0o700);
  const own = await authority.issue('agt_1', Date.now() - 20 * 3_600_000, until ?? Date.now() + 20 * 3_600_000);
  const sealing = await generateSealingKey();
  const identity = new IdentityFolder(folder);
  identity.write(pairFiles(0).key, own.key);
  identity.write(identityFiles.sealingKey, Buffer.concat([sealing.privateKey, sealing.publicKey]).toString('hex'));
  identity.write(pairFiles(0).certificate, own.certificate);
  identity.write(pairFiles(0).authorities, authority.certificate);
  const file = {
    agentId: 'agt_1',
    orgId: 'org_1',
    endpoints: [endpoint],
    serverName: gatewayName,
    ...(server === undefined ? {} : { server }),
  };
  identity.write(identityFiles.agent, JSON.stringify(file));
  return { folder, authority };
}

const look = async (
  dataFolder: string,
  rest: Partial<DoctorInput> = {},
): Promise<(name: string) => Check | undefined> => {
  const input = {
    siteConfig: undefined,
    policyFile: undefined,
    endpoints: [],
    server: undefined,
    reserveBytes: 1024,
    releaseKey: '',
    version: '1.0.0',
    wall: Date.now,
  };
  const checks = await examine({ dataFolder, ...input, ...rest });
  for (const { state, remedy } of checks) expect(remedy === '').toBe(state === 'ok' || state === 'skipped');
  expect(describeChecks(checks).split('\n').length).toBeGreaterThan(checks.length);
  return (name) => checks.find((each) => each.name === name);
};

async function listening(server: Server | ReturnType<typeof createTcp>): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** An origin that says what time it is. */
const origin = async (date = new Date()): Promise<string> => {
  const server = createServer((request, response) => {
    response.sendDate = false;
    response.setHeader('date', date.toUTCString());
    response.setHeader('content-security-policy', "default-src 'none'");
    response.writeHead(request.url === '/healthz' ? 200 : 404).end('ok\n');
  });
  return `http://127.0.0.1:${await listening(server)}`;
};

describe('doctor', () => {
  test('finds nothing wrong where nothing is', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    const { folder } = await enrolled(gateway.endpoint, authority, await origin());
    const check = await look(folder);
    const what = `gateway ${gateway.endpoint}`;
    for (const name of [
      'origin: connection',
      'origin: answer',
      'clock',
      `${what}: connection`,
      `${what}: TLS`,
      `${what}: gRPC`,
      'identity',
      'certificate',
      'data folder',
      'disk space',
    ])
      expect(check(name), name).toMatchObject({ state: 'ok' });
    expect(check('site')).toMatchObject({ state: 'warning' });
    expect(check('policy')).toMatchObject({ state: 'skipped' });
  });

  test('tells a name that is not known, a port where nobody listens, and an origin that is none', async () => {
    const authority = await newAuthority();
    const port = await listening(createTcp().unref());
    const { folder } = await enrolled('gateway.invalid:443', authority);
    const check = await look(folder, {
      endpoints: ['127.0.0.1:1'],
      server: `http://127.0.0.1:${port}/`.replace(String(port), '1'),
    });
    expect(check('gateway gateway.invalid:443: name')).toMatchObject({ state: 'failed' });
    expect(check('gateway 127.0.0.1:1: connection')).toMatchObject({
      state: 'failed',
      remedy: expect.stringContaining('Nothing listens') as string,
    });
    expect(check('origin: connection')).toMatchObject({ state: 'failed' });
    expect((await look(folder, { server: 'truffle' }))('origin')).toMatchObject({ state: 'failed' });
  });

  test('tells who opens TLS in between, and what is no gateway', async () => {
    const authority = await newAuthority();
    const proxy = await (await newAuthority('a proxy of the company')).issue(gatewayName);
    const opened = createTls({ key: proxy.key, cert: proxy.certificate, ALPNProtocols: ['h2'] });
    const openedAt = `127.0.0.1:${await listening(opened)}`;
    const own = await authority.issue(gatewayName);
    const old = createTls({ key: own.key, cert: own.certificate, ALPNProtocols: ['http/1.1'] }).on(
      'tlsClientError',
      () => undefined,
    );
    const oldAt = `127.0.0.1:${await listening(old)}`;
    const plain = `127.0.0.1:${await listening(createTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))}`;
    const { folder } = await enrolled(openedAt, authority);
    const check = await look(folder, { endpoints: [plain, oldAt] });
    expect(check(`gateway ${openedAt}: TLS`)).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('a proxy of the company') as string,
    });
    expect(check(`gateway ${plain}: TLS`)).toMatchObject({ state: 'failed' });
    expect(check(`gateway ${oldAt}: TLS`)).toMatchObject({ state: 'failed' });
  });

  test('tells an origin whose certificate nobody knows, by its issuer', async () => {
    const issued = await (await newAuthority('an authority of our own')).issue('localhost');
    const at = await listening(
      createTls(
        { key: issued.key, cert: issued.certificate },
        (socket) => void socket.on('error', () => undefined).end(),
      ),
    );
    const check = await look(testFolder(), { server: `https://localhost:${at}` });
    expect(check('origin: TLS')).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('an authority of our own') as string,
      remedy: expect.stringContaining('--ca-file') as string,
    });
    expect(check('identity')).toMatchObject({ state: 'failed' });
  });

  test('tells a clock that is wrong, and a certificate that has ended', async () => {
    const authority = await newAuthority();
    const { folder } = await enrolled('127.0.0.1:1', authority, undefined, Date.now() - 1_000);
    const hour = 3_600_000;
    const check = await look(folder, { server: await origin(new Date(Date.now() - hour)) });
    expect(check('clock')).toMatchObject({ state: 'failed', detail: expect.stringContaining('ahead of') as string });
    expect(check('certificate')).toMatchObject({
      state: 'warning',
      detail: expect.stringContaining('has ended') as string,
    });
    const behind = await look(folder, { server: await origin(new Date(Date.now() + 60_000)) });
    expect(behind('clock')).toMatchObject({ state: 'warning' });
    const early = await enrolled('127.0.0.1:1', authority);
    expect((await look(early.folder, { wall: () => Date.now() - 100 * hour }))('certificate')).toMatchObject({
      state: 'failed',
    });
  });

  test('tells a data folder that is open, missing or damaged, and a policy that does not parse', async () => {
    const authority = await newAuthority();
    const { folder } = await enrolled('127.0.0.1:1', authority);
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'journal.db'), 'this is no journal'.repeat(1000));
    const policyFile = join(folder, 'policy.yaml');
    writeFileSync(policyFile, 'vmids: none', { mode: 0o600 });
    const check = await look(folder, { policyFile, reserveBytes: Number.MAX_SAFE_INTEGER });
    expect(check('data folder')).toMatchObject({ state: 'failed', remedy: `chmod 700 ${folder}` });
    expect(check('journal')).toMatchObject({ state: 'failed' });
    expect(check('disk space')).toMatchObject({ state: 'failed' });
    expect(check('policy')).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('policy.yaml:1:') as string,
    });
    expect((await look(join(folder, 'nowhere')))('data folder')).toMatchObject({ state: 'failed' });
    const damaged = await enrolled('127.0.0.1:1', authority);
    mkdirSync(join(damaged.folder, 'identity'), { recursive: true });
    new IdentityFolder(damaged.folder).remove(identityFiles.sealingKey);
    expect((await look(damaged.folder))('identity')).toMatchObject({ state: 'failed' });
  });
});
