import { Connection } from '@temporalio/client';
import { mkdtempSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeState, startEngines, StateFolderBusyError, type Engines } from './engines.ts';

/** The first start of all on a machine may build two engines. */
const patience = 20 * 60_000;

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

  test('NATS has JetStream and refuses who has no password', async () => {
    const { hostname, port, username, password } = new URL(engines.natsUrl);
    const talk = (login: object): Promise<string> =>
      new Promise((answer, fail) => {
        const socket = createConnection({ host: hostname, port: Number(port) });
        let heard = '';
        socket.setTimeout(5000, () => socket.destroy(new Error('NATS is silent')));
        socket.on('error', fail).on('close', () => answer(heard));
        socket.on('data', (bytes) => {
          heard += bytes.toString('utf8');
          if (/PONG|-ERR/.test(heard)) socket.end();
        });
        socket.write(`CONNECT ${JSON.stringify({ verbose: false, ...login })}\r\nPING\r\n`);
      });
    expect(await talk({ user: username, pass: password })).toMatch(/"jetstream":true[\s\S]*PONG/);
    expect(await talk({})).toMatch(/Authorization Violation/);
  });

  test('Temporal serves the namespace from PostgreSQL', async () => {
    const connection = await Connection.connect({ address: engines.temporalAddress });
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
