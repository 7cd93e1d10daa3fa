/**
 * A sign-in (by REST, over a socket, with its event and session stored) beside the argon2id hash that it checks, measured bare in the same
 * run; also one with a second factor: two calls. Run: node bench/sign-in.ts [--rounds N]
 */
import { argon2, createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createTruffleClient } from '@truffle/api';
import { ProofChallengeSchema, type ProofChallenge } from '@truffle/api/tenant/v1/session';
import { everyMigration, everyService } from '@truffle/all-in-one';
import { migrate } from '@truffle/database';
import { ensureInstallation, startHost } from '@truffle/kit';
import { removeState, startEngines } from '@truffle/local';
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

/** RFC 6238 for the seed in base32, at this moment. */
function codeOf(seed: string): string {
  const bits = seed
    .split('')
    .map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'))
    .join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', key).update(step).digest();
  return String((mac.readUInt32BE((mac.at(-1) ?? 0) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** The challenge in the details of a refused sign-in. */
function challengeIn(error: unknown): string {
  const { findDetails } = error as { findDetails?: (schema: typeof ProofChallengeSchema) => ProofChallenge[] };
  return findDetails?.call(error, ProofChallengeSchema)[0]?.challenge ?? '';
}

const signedUp = await client.accounts.signUp({ email, password, orgName: 'bench' });
const hashes: number[] = [];
const signIns: number[] = [];
for (let i = -5; i < rounds; i++) {
  const [hash, signIn] = [await timed(bare), await timed(() => client.accounts.signIn({ email, password }))];
  if (i < 0) continue;
  hashes.push(hash);
  signIns.push(signIn);
}

const own = clientOf(signedUp.sessionToken);
const { factorId, secret } = await own.factors.startTotp({ name: 'bench' });

const { recoveryCodes } = await own.factors.confirmTotp({ factorId, code: codeOf(secret) });
const twoSteps: number[] = [];
for (const value of recoveryCodes)
  twoSteps.push(
    await timed(async () => {
      const challenge = await client.accounts.signIn({ email, password }).then(() => '', challengeIn);
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
