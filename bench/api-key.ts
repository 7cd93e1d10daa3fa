/**
 * The check of an API key: warm, as it is for all but the first call of every 5 s in one process (the kit's cache of credentials), and cold:
 * asked of the tenant service in a process of its own place (a socket, a signed service context, the database), beside a bare read of the
 * key's row. Run: node bench/api-key.ts [--calls 2000]
 */
import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createTruffleClient } from '@truffle/api';
import { Access } from '@truffle/api/options/v1/method';
import { Role } from '@truffle/api/tenant/v1/account';
import { everyMigration, everyService } from '@truffle/all-in-one';
import { migrate } from '@truffle/database';
import { ensureInstallation, loadServiceKeys, Peers, startHost } from '@truffle/kit';
import { removeState, startEngines } from '@truffle/local';
import pg from 'pg';
import { Identifier } from '../packages/kit/src/identify.ts';
import { median, percentile } from './quantile.ts';

const { values } = parseArgs({ options: { calls: { type: 'string', default: '2000' } } });
const calls = Number(values.calls);
const stateDir = mkdtempSync(join(tmpdir(), 'truffle-bench-'));
const engines = await startEngines({ stateDir, quiet: true });
const installation = ensureInstallation(join(stateDir, 'installation'));
await migrate({
  adminUrl: engines.databaseUrl,
  passwords: installation.databasePasswords,
  contextMaster: installation.contextMaster,
  services: everyMigration,
});
const env = {
  ...installation.env,
  TRUFFLE_LISTEN: '127.0.0.1:0',
  TRUFFLE_DATABASE_URL: engines.databaseUrl,
  TRUFFLE_NATS_URL: engines.natsUrl,
  TRUFFLE_TEMPORAL_ADDRESS: engines.temporalAddress,
  TRUFFLE_TEMPORAL_NAMESPACE: engines.temporalNamespace,
  TRUFFLE_LOG_LEVEL: 'error',
  TRUFFLE_RATE_PERCENT: '1000000',
};
// With billing for making the key; alone, as in a cluster, for being asked.
// What is secret is taken out of the environment that it is read from.
const making = await startHost('bench', { tenant: everyService.tenant, billing: everyService.billing }, { ...env });
const tenant = await startHost('tenant', { tenant: everyService.tenant }, { ...env });

const transportTo = (port: number, httpVersion: '1.1' | '2', token?: string) =>
  createConnectTransport({
    baseUrl: `http://127.0.0.1:${port}`,
    httpVersion,
    interceptors: [
      (next) => (request) => {
        if (token !== undefined) request.header.set('authorization', `Bearer ${token}`);
        return next(request);
      },
    ],
  });
const people = createTruffleClient(transportTo(making.port, '1.1'));
const account = { email: 'bench@example.com', password: 'correct horse battery', orgName: 'bench' };
const signedUp = await people.accounts.signUp(account);
const owner = createTruffleClient(transportTo(making.port, '1.1', signedUp.sessionToken));
const scopeId = signedUp.organization?.id ?? '';
const { secret } = await owner.apiKeys.createApiKey({ scopeId, name: 'bench', role: Role.OPERATOR });

const keys = loadServiceKeys(installation.env.TRUFFLE_SERVICE_KEYS_DIR, 'orchestration');
const toTenant = transportTo(tenant.port, '2');
const identifier = new Identifier(new Peers(keys, () => toTenant), keys);
const header = new Headers({ authorization: `Bearer ${secret}` });
const check = () => identifier.identify(Access.AUTHENTICATED, header, 'request-1', '127.0.0.1');

const pool = new pg.Pool({ connectionString: engines.databaseUrl, max: 1 });
const sha256 = createHash('sha256').update(secret).digest();
const bareRead = () =>
  pool.query({ name: 'key', text: 'select * from tenant.api_key where secret_sha256 = $1', values: [sha256] });

/** Microseconds of each call; a tenth more before them warms up. */
async function timed(work: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = -calls / 10; i < calls; i++) {
    const began = performance.now();
    await work();
    if (i >= 0) times.push((performance.now() - began) * 1_000);
  }
  return times;
}

try {
  if ((await check()).subject.split(':')[0] !== 'key') throw new Error('the key was not known');
  const results = [
    ['floor: a bare read of its row', await timed(bareRead)],
    ['cold: asked of the tenant service', await timed(() => (identifier.forget(), check()))],
    ['warm: known in this process', await timed(check)],
  ] as const;
  const floor = median(results[0][1]);
  for (const [name, times] of results)
    process.stdout.write(
      `${name.padEnd(36)} p50 ${median(times).toFixed(1).padStart(8)} µs  p99 ${percentile(times, 0.99).toFixed(1).padStart(8)} µs  ${(median(times) / floor).toFixed(3)}x\n`,
    );
} finally {
  await pool.end();
  await tenant.close();
  await making.close();
  await engines.stop();
  removeState(stateDir);
}
