import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { removeState } from '../../deploy/local/src/engines.ts';
import { choosePorts } from '../../deploy/local/src/ports.ts';
import { checkout, openStateFolder } from '../../deploy/local/src/state-folder.ts';
import { writeIndex } from './screenshots.fixture.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The state folder that the console's tests have `npm start` work in. */
    stateFolder: string;
  }
}

/**
 * Gives the console's tests a state folder that they share: the first of them starts the product there, the others find it running. Ends it
 * when the run ends.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'truffle-console-'));
  const folder = openStateFolder(join(home, 'state'));
  await choosePorts(folder.ports, () => {}, true);
  project.provide('stateFolder', folder.root);
  return async () => {
    await stopped(folder.root);
    removeState(folder.root);
    rmSync(home, { recursive: true, force: true });
    writeIndex();
  };
}

/** `npm stop`, without npm. */
function stopped(stateFolder: string): Promise<void> {
  const child = spawn(process.execPath, [join(checkout, 'deploy', 'local', 'src', 'main.ts'), 'stop'], {
    env: { ...process.env, TRUFFLE_STATE_DIR: stateFolder },
    stdio: 'ignore',
  });
  return new Promise((done, failed) => child.once('error', failed).once('close', () => done()));
}
