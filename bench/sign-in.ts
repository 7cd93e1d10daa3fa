/**
 * A sign-in (by REST, over a socket, with its event and session stored) beside the argon2id hash that it checks, measured bare in the same
 * run; also one with a second factor: two calls. Run: node bench/sign-in.ts [--rounds N]
 */
import { argon2, randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createConnectTransport } from '@connectrpc/connect-node';
import { ConnectError } from '@connectrpc/connect';
import { createTruffleClient } from '@truffle/api';
import { ProofChallengeSchema } from '@truffle/api/tenant/v1/session';
import { everyMigration, everyService } from '@truffle/all-in-one';
import { migrate } from '@truffle/database';
import { ensureInstallation, startHost } from '@truffle/kit';
import { removeState, startEngines } from '@truffle/local';
import { Secret, TOTP } from 'otpauth';
import { median, percentile } from './quantile.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '40' } } });
const rounds = Number(values.rounds);
const stateDir = mkdtempSync(join(tmpdir(), 'truffle-bench-'));
const engines = await startEngines({ stateDir, quiet: true });
const installation = ensureInstallation(join(stateDir, 'installation'));
await migrate({
  adminUrl: engines.databaseUrl,
  passwords: installation.databasePasswords,
  contextMaster: installation.contextMaster,
  services: everyMigration,
});
const { tenant, billing } = everyService;
const host = await startHost(
  'bench',
  { tenant, billing },
  {
    ...installation.env,
    TRUFFLE_LISTEN: '127.0.0.1:0',
    TRUFFLE_DATABASE_URL: engines.databaseUrl,
    TRUFFLE_NATS_URL: engines.natsUrl,
    TRUFFLE_TEMPORAL_ADDRESS: engines.temporalAddress,
    TRUFFLE_TEMPORAL_NAMESPACE: engines.temporalNamespace,
    TRUFFLE_LOG_LEVEL: 'error',
    TRUFFLE_RATE_PERCENT: '1000000',
  },
);
const clientOf = (token?: string) =>
  createTruffleClient(
    createConnectTransport({
      baseUrl: `http://127.0.0.1:${host.port}`,
      httpVersion: '1.1',
      interceptors: [
        (next) => (request) => {
          if (token !== undefined) request.header.set('authorization', `Bearer ${token}`);
          return next(request);
        },
      ],
    }),
  );

const email = 'bench@example.com';
const password = 'correct horse battery';
const derive = promisify(argon2);
const client = clientOf();
const bare = () =>
  derive('argon2id', {
    message: Buffer.from(password),
    nonce: randomBytes(16),
    memory: 19_456,
    passes: 2,
    parallelism: 1,
    tagLength: 32,
  });

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const signedUp = await client.accounts.signUp({ email, password, orgName: 'bench' });
const hashes: number[] = [];
const signIns: number[] = [];
for (let i = -5; i < rounds; i++) {
  const [hash, signIn] = [await timed(bare), await timed(() => client.accounts.signIn({ email, password }))];
  if (i >= 0) (hashes.push(hash), signIns.push(signIn));
}

const own = clientOf(signedUp.sessionToken);
const { factorId, secret } = await own.factors.startTotp({ name: 'bench' });

const totp = new TOTP({ secret: Secret.fromBase32(secret) });
const { recoveryCodes } = await own.factors.confirmTotp({ factorId, code: totp.generate() });
const twoSteps: number[] = [];
for (const value of recoveryCodes)
  twoSteps.push(
    await timed(async () => {
      const error = await client.accounts.signIn({ email, password }).catch((e: unknown) => ConnectError.from(e));
      if (!(error instanceof ConnectError)) throw new Error('no second factor was asked for');
      const challenge = error.findDetails(ProofChallengeSchema)[0]?.challenge ?? '';
      await client.sessions.completeSignIn({ proof: { challenge, proof: { case: 'recoveryCode', value } } });
    }),
  );

const line = (name: string, all: readonly number[]): string =>
  `${name.padEnd(32)} p50 ${median(all).toFixed(1)} ms   p99 ${percentile(all, 0.99).toFixed(1)} ms   ${(median(all) / median(hashes)).toFixed(2)}x`;
process.stdout.write(
  `${[line('bare argon2id', hashes), line('sign-in', signIns), line('sign-in with a second factor', twoSteps)].join('\n')}\n` +
    `argon2id is ${((100 * median(hashes)) / median(signIns)).toFixed(0)} % of a sign-in\n`,
);
await host.close();
await engines.stop();
removeState(stateDir);
