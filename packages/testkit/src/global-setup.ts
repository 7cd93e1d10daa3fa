import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstallation } from '@truffle/kit';
import { removeState, startEngines } from '@truffle/local';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string;
    natsUrl: string;
    temporalAddress: string;
    temporalNamespace: string;
    installationFolder: string;
  }
}

/** Starts one PostgreSQL, NATS and Temporal for the whole run of the suite, in a folder that goes with it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stateDir = mkdtempSync(join(tmpdir(), 'truffle-test-'));
  const engines = await startEngines({ stateDir, quiet: true });
  // Here, once: test files run in several processes.
  const installation = ensureInstallation(join(stateDir, 'installation'));
  project.provide('databaseUrl', engines.databaseUrl);
  project.provide('natsUrl', engines.natsUrl);
  project.provide('temporalAddress', engines.temporalAddress);
  project.provide('temporalNamespace', engines.temporalNamespace);
  project.provide('installationFolder', installation.folder);
  return async () => {
    await engines.stop();
    removeState(stateDir);
  };
}
