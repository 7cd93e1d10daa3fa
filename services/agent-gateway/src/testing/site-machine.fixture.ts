import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase, testEngines } from '@truffle/testkit';
import { createJoinToken } from '../agent/enrollment.usecases.ts';
import { agentGatewayMigrations } from '../migrations.ts';
import { startContainer, type Container } from './container.ts';
import { makeRelease, serveSecurely, type SecureOrigin } from './release.ts';
import { makeWorld, type Running, type World } from './world.ts';

/** How long `startSiteMachine` may take, with releases that are built first. */
export const machineMs = 300_000;

/** A machine with systemd of its own that reaches a control plane over a link, which serves releases of this checkout's agent. */
export interface SiteMachine {
  readonly container: Container;
  readonly world: World;
  readonly gateway: Running;
  readonly origin: SecureOrigin;
  /** Folder of the releases. */
  readonly releases: string;
  /** Puts a join token on the machine, and answers how install.sh is told of it and of the control plane. */
  readonly joinAs: (name: string) => Promise<readonly string[]>;
  /** Id of the agent that is installed there. */
  readonly agentId: () => string;
  close(): Promise<void>;
}

/** @param versions that are released, the newest one last: it is what install.sh takes */
export async function startSiteMachine(versions: readonly string[]): Promise<SiteMachine> {
  const releases = mkdtempSync(join(tmpdir(), 'truffle-releases-'));
  for (const version of versions) await makeRelease(releases, version);
  const container = await startContainer();
  const world = await makeWorld(await testDatabase([agentGatewayMigrations]), testEngines().natsUrl, {
    host: container.hostAddress,
  });
  const gateway = await world.startGateway();
  const { authorities } = world.enrollment;
  const origin = await serveSecurely(world.origin, authorities, container.hostAddress, releases);
  writeFileSync(container.path('/root/ca.pem'), origin.authority);
  return {
    container,
    world,
    gateway,
    origin,
    releases,
    joinAs: async (name) => {
      const made = await createJoinToken(world.enrollment, world.caller, name, false);
      writeFileSync(container.path('/root/join-token'), made.token, { mode: 0o600 });
      return ['--token-file', '/root/join-token', '--ca-pin', authorities.pins];
    },
    agentId: () => {
      const file = readFileSync(container.path('/var/lib/truffle-agent/identity/agent.json'), 'utf8');
      return (JSON.parse(file) as { readonly agentId: string }).agentId;
    },
    close: async () => {
      origin.close();
      await container.close();
      await world.close();
      rmSync(releases, { recursive: true, force: true });
    },
  };
}
