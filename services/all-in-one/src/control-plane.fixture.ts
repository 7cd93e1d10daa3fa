import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TruffleClient } from '@truffle/api';
import { testDatabase, testHost, type TestDatabase, type TestHost } from '@truffle/testkit';
import { everyMigration, everyService } from './services.ts';

/** A person with an organization of their own, and what signing up made. */
export interface Owner {
  readonly client: TruffleClient;
  readonly token: string;
  readonly orgId: string;
  readonly workspaceId: string;
  readonly projectId: string;
}

/** The five services in this process over a database of their own, with somebody signed up. */
export interface ControlPlane {
  readonly database: TestDatabase;
  readonly host: TestHost;
  readonly owner: Owner;
  /** Signs up another person, with an organization of that name. */
  signUp(orgName: string): Promise<Owner>;
  /** Has something closed before the services are, also when a set-up fails half-way. */
  whenClosed(close: () => Promise<void>): void;
  close(): Promise<void>;
}

/** What everybody signs in with. */
export const password = 'correct horse battery';

export const emailOf = (orgName: string): string => `${orgName}@example.com`;

/**
 * @param orgName the owner's organization, whose name is in their address too
 * @param env further settings of the services
 */
export async function startControlPlane(
  orgName: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ControlPlane> {
  const authorities = mkdtempSync(join(tmpdir(), 'truffle-ca-'));
  const database = await testDatabase(everyMigration);
  const host = await testHost(database, everyService, {
    TRUFFLE_AGENT_LISTEN: '127.0.0.1:0',
    TRUFFLE_AGENT_CA_DIR: authorities,
    ...env,
  });
  const signUp = async (name: string): Promise<Owner> => {
    const up = await host.client().accounts.signUp({ email: emailOf(name), password, orgName: name });
    return {
      client: host.client(up.sessionToken),
      token: up.sessionToken,
      orgId: up.organization?.id ?? '',
      workspaceId: up.workspace?.id ?? '',
      projectId: up.project?.id ?? '',
    };
  };
  const before: (() => Promise<void>)[] = [];
  return {
    database,
    host,
    owner: await signUp(orgName),
    signUp,
    whenClosed: (close) => void before.push(close),
    close: async () => {
      for (const close of before.toReversed()) await close();
      await host.close();
      await database.close();
      rmSync(authorities, { recursive: true, force: true });
    },
  };
}
