import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendEvent, type Database, type LedgerTables } from '@truffle/database';
import { startEngines, type Engines } from '@truffle/local';
import { testEngines } from '@truffle/testkit';

/** A NATS of the test's own, which it may wipe. */
export interface OwnNats {
  readonly url: string;
  stop(): Promise<void>;
  /** Stops it, loses everything that it kept, and starts it at the same place. */
  wipe(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function ownNats(): Promise<OwnNats> {
  const stateDir = mkdtempSync(join(tmpdir(), 'truffle-nats-'));
  const { databaseUrl, temporalAddress, temporalNamespace } = testEngines();
  // With the run's own PostgreSQL and Temporal given, only NATS is started.
  const env = {
    ...process.env,
    TRUFFLE_DATABASE_URL: databaseUrl,
    TRUFFLE_TEMPORAL_ADDRESS: temporalAddress,
    TRUFFLE_TEMPORAL_NAMESPACE: temporalNamespace,
  };
  let engines: Engines = await startEngines({ stateDir, quiet: true, env });
  const start = async (): Promise<void> => {
    engines = await startEngines({ stateDir, quiet: true, env });
  };
  return {
    url: engines.natsUrl,
    stop: () => engines.stop(),
    start,
    wipe: async () => {
      await engines.stop();
      rmSync(join(stateDir, 'nats'), { recursive: true, force: true });
      await start();
    },
    close: async () => {
      await engines.stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** Appends `count` events to an organization's ledger, several in a transaction, as a service does. */
export async function appendMany(
  database: Database<LedgerTables>,
  orgId: string,
  count: number,
  at = 0,
): Promise<void> {
  const perTransaction = 5;
  for (let done = 0; done < count; done += perTransaction)
    await database.tenant(orgId, async (tx) => {
      for (let i = done; i < Math.min(count, done + perTransaction); i++)
        await appendEvent(
          tx,
          { subject: 'svc:test', requestId: 'request-1' },
          { orgId, name: 'thing.happened', resourceId: orgId, data: { i: at + i, half: 0.5, text: 'ü\u2028"' } },
        );
    });
}
