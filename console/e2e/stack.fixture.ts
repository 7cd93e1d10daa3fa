import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import type { TruffleClient } from '@truffle/api';
import { inject } from 'vitest';
import type { SimulatorInfo } from '../../deploy/local/src/demo.ts';
import { clientOf } from '../../deploy/local/src/seed.ts';
import type { StackInfo } from '../../deploy/local/src/stack.ts';
import { checkout } from '../../deploy/local/src/state-folder.ts';

/** The product as `npm start` makes it, with its demo site. */
export interface Stack {
  readonly url: string;
  /** Who owns the organization with the demo site. */
  readonly owner: Required<StackInfo>['login'];
  readonly orgId: string;
  readonly projectId: string;
  readonly agentId: string;
  readonly simulator: SimulatorInfo;
  /** Of the database's own superuser, for what no API makes. */
  readonly databaseUrl: string;
  /** Where mail goes. */
  readonly mailFolder: string;
  /** The public API, as the owner. */
  readonly api: TruffleClient;
  /** The public API, as whoever the credential is of. */
  client(credential?: string): TruffleClient;
}

const mostTries = 20;

/** Waits while the product sheds load, as it does on a machine that is busy with other tests: then nothing was done. */
const patient: Interceptor = (next) => async (request) => {
  for (let tries = 1; ; tries++) {
    try {
      return await next(request);
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unavailable || request.stream || tries === mostTries) throw error;
      await delay(Math.random() * 1_000);
    }
  }
};

/** Whole: no cut line of a start that failed. */
const lineOf = (output: string): StackInfo => JSON.parse(output.trim().split('\n').at(-1) ?? '') as StackInfo;

/** Starts the product in the run's state folder, or finds it there. It ends with the run. */
export async function sharedStack(): Promise<Stack> {
  const stateFolder = inject('stateFolder');
  const info = lineOf(await started(stateFolder));
  const { url = '', databaseUrl, login, orgId = '', projectId = '', agentId = '', apiKey } = info;
  if (login === undefined) throw new Error('the stack has no owner');
  return {
    url,
    databaseUrl,
    owner: login,
    orgId,
    projectId,
    agentId,
    simulator: JSON.parse(readFileSync(join(stateFolder, 'simulator', 'info.json'), 'utf8')) as SimulatorInfo,
    mailFolder: join(stateFolder, 'mail'),
    api: clientOf(url, apiKey, [patient]),
    client: (credential) => clientOf(url, credential, [patient]),
  };
}

function started(stateFolder: string): Promise<string> {
  const program = join(checkout, 'deploy', 'local', 'src', 'main.ts');
  const child = spawn(process.execPath, [program, 'start', '--detach', '--json'], {
    env: {
      ...process.env,
      TRUFFLE_STATE_DIR: stateFolder,
      // Many people sign up here within a minute.
      TRUFFLE_RATE_PERCENT: '1000000',
      // Where the tests have a provider of their own.
      TRUFFLE_OUTGOING_ALLOW: '127.0.0.1',
      TRUFFLE_SIMULATOR_ARGS: '--clone-ms 100 --boot-ms 100',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done, failed) => {
    child.once('error', failed).once('close', (code) => {
      if (code === 0) done(stdout);
      else failed(new Error(`npm start ended with ${String(code)}:\n${stderr}`));
    });
  });
}
