import { Connection } from '@temporalio/client';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { connect } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporalConnection } from '@truffle/kit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureInternalTls } from './internal-authority.ts';
import { openStateFolder } from './state-folder.ts';
import { removeState, startEngines, StateFolderBusyError, type Engines } from './engines.ts';

/** The first start of all on a machine may build two engines. */
const patience = 20 * 60_000;

const shown = (address: string): Shown => {
  const folder = new URL(address).searchParams.get('tls') ?? '';
  return {
    cert: readFileSync(join(folder, 'tls.crt')),
    key: readFileSync(join(folder, 'tls.key')),
    ca: readFileSync(join(folder, 'ca.crt')),
  };
};

/** What a client shows of itself, and whom it believes. */
interface Shown {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

/** As of another installation. */
async function strangersCertificate(): Promise<Required<Omit<Shown, 'servername'>>> {
  const folder = mkdtempSync(join(tmpdir(), 'strange-'));
  await ensureInternalTls(openStateFolder(folder));
  const [cert, key, ca] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) =>
    readFileSync(join(folder, 'keys', 'tls', 'operator', name)),
  );
  rmSync(folder, { recursive: true });
  return { cert: cert ?? Buffer.of(), key: key ?? Buffer.of(), ca: ca ?? Buffer.of() };
}

/** Says what NATS says to a client, all that it says. */
function talk(address: string, material: Shown, login: object): Promise<string> {
  const { hostname, port } = new URL(address);
  return new Promise((answer, fail) => {
    const plain = createConnection({ host: hostname, port: Number(port) });
    plain.on('error', fail);
    plain.once('data', (greeting) => {
      const socket = connect({ socket: plain, servername: 'nats.truffle.internal', ...material });
      let heard = greeting.toString('utf8');
      socket.setTimeout(5000, () => socket.destroy(new Error('NATS is silent')));
      socket.on('error', fail).on('close', () => (/PONG|-ERR/.test(heard) ? answer(heard) : fail(new Error('closed'))));
      socket.on('data', (bytes) => {
        heard += bytes.toString('utf8');
        if (/PONG|-ERR/.test(heard)) socket.end();
      });
      socket.write(`CONNECT ${JSON.stringify({ verbose: false, ...login })}\r\nPING\r\n`);
    });
  });
}

function inClear(host: string, port: number, login: object): Promise<string> {
  return new Promise((answer, fail) => {
    const socket = createConnection({ host, port });
    let heard = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('NATS is silent')));
    socket.on('error', fail).on('close', () => answer(heard));
    socket.on('data', (bytes) => (heard += bytes.toString('utf8')));
    socket.write(`CONNECT ${JSON.stringify({ verbose: false, ...login })}\r\nPING\r\n`);
  });
}

describe('the engines', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'engines-'));
  let engines: Engines;
  beforeAll(async () => {
    engines = await startEngines({ stateDir, quiet: true });
  }, patience);
  afterAll(async () => {
    await engines.stop();
    removeState(stateDir);
  });

  const rows = async (sql: string): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: engines.databaseUrl });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  test('PostgreSQL is a durable version 18 that we are superuser of', async () => {
    expect(
      await rows(
        "SELECT current_setting('server_version') LIKE '18.%' AS right_version, current_setting('fsync') AS fsync, rolsuper FROM pg_roles WHERE rolname = current_user",
      ),
    ).toEqual([{ right_version: true, fsync: 'on', rolsuper: true }]);
  });

  test('PostgreSQL refuses who has no password', async () => {
    const url = new URL(engines.databaseUrl);
    url.password = 'wrong';
    await expect(new Client({ connectionString: url.href }).connect()).rejects.toMatchObject({ code: '28P01' });
  });

  test('PostgreSQL speaks TLS and proves its name', async () => {
    expect(await rows('select ssl, version from pg_stat_ssl where pid = pg_backend_pid()')).toEqual([
      { ssl: true, version: 'TLSv1.3' },
    ]);
    const url = new URL(engines.databaseUrl);
    const strange = await strangersCertificate();
    url.search = '';
    const ssl = { ca: strange.ca };
    await expect(new Client({ connectionString: url.href, ssl }).connect()).rejects.toThrow(/certificate/);
  });

  test('NATS has JetStream and refuses who has no password', async () => {
    const { username, password } = new URL(engines.natsUrl);
    const own = shown(engines.natsUrl);
    expect(await talk(engines.natsUrl, own, { user: username, pass: password })).toMatch(/"jetstream":true[\s\S]*PONG/);
    expect(await talk(engines.natsUrl, own, {})).toMatch(/Authorization Violation/);
  });

  test('NATS and Temporal refuse who shows no certificate of this installation, and prove their own names', async () => {
    const strange = await strangersCertificate();
    const { username, password } = new URL(engines.natsUrl);
    const login = { user: username, pass: password };
    const own = shown(engines.natsUrl);
    for (const material of [{ ca: own.ca }, { ...strange, ca: own.ca }])
      await expect(talk(engines.natsUrl, material, login)).rejects.toThrow();
    await expect(talk(engines.natsUrl, { ...own, ca: strange.ca }, login)).rejects.toThrow(/self-signed|issuer|verify/);
    await expect(talk(engines.natsUrl, { ...own, servername: 'temporal.truffle.internal' }, login)).rejects.toThrow(
      /altnames/,
    );
    // In clear it says who it is and no more.
    const { hostname, port } = new URL(engines.natsUrl);
    await expect(inClear(hostname, Number(port), login)).resolves.not.toContain('PONG');
    const { address, tls } = temporalConnection(engines.temporalAddress);
    if (tls === undefined) throw new Error('Temporal is in clear');
    const { clientCertPair: _, ...nobody } = tls;
    for (const refused of [
      {},
      { tls: nobody },
      { tls: { ...tls, clientCertPair: { crt: strange.cert, key: strange.key } } },
      { tls: { ...tls, serverRootCACertificate: strange.ca } },
      { tls: { ...tls, serverNameOverride: 'nats.truffle.internal' } },
    ])
      await expect(Connection.connect({ address, connectTimeout: 3_000, ...refused })).rejects.toThrow();
  }, 60_000);

  test('Temporal serves the namespace from PostgreSQL', async () => {
    const connection = await Connection.connect(temporalConnection(engines.temporalAddress));
    const { namespaceInfo } = await connection.workflowService.describeNamespace({
      namespace: engines.temporalNamespace,
    });
    expect(namespaceInfo?.name).toBe('truffle');
    await connection.close();
  });

  test('their state is private', () => {
    for (const file of ['keys/postgres', 'nats/nats.conf', 'temporal/server.yaml', 'ports.json', 'children.json'])
      expect(statSync(join(stateDir, file)).mode & 0o077, file).toBe(0);
  });

  test('the folder has one user at a time', async () => {
    await expect(startEngines({ stateDir, quiet: true })).rejects.toThrow(StateFolderBusyError);
  });

  test('keep their state and their ports over a restart', async () => {
    await rows('CREATE TABLE kept AS SELECT 7 AS seven');
    const before = engines;
    await engines.stop();
    engines = await startEngines({ stateDir, quiet: true });
    expect({ ...engines, stop: 0, lost: 0 }).toEqual({ ...before, stop: 0, lost: 0 });
    expect(await rows('SELECT seven FROM kept')).toEqual([{ seven: 7 }]);
  }, 60_000);
});

describe('external engines', () => {
  test('are used where the environment names them, and nothing is started for them', async () => {
    const folders = ['given', 'user'].map((name) => mkdtempSync(join(tmpdir(), `engines-${name}-`)));
    const [givenDir = '', userDir = ''] = folders;
    const given = await startEngines({ stateDir: givenDir, quiet: true });
    const env = {
      ...process.env,
      TRUFFLE_DATABASE_URL: given.databaseUrl,
      TRUFFLE_NATS_URL: given.natsUrl,
      TRUFFLE_TEMPORAL_ADDRESS: given.temporalAddress,
    };
    const user = await startEngines({ stateDir: userDir, quiet: true, env });
    expect({ ...user, stop: 0, lost: 0 }).toEqual({ ...given, stop: 0, lost: 0 });
    await user.stop();
    await given.stop();
    for (const folder of folders) removeState(folder);
  }, 60_000);
});
