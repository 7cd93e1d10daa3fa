import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programEnvironment } from '@truffle/config';
import ssh2, { type Client as SshClient } from 'ssh2';
import { until } from './deadline.ts';
import type { SimulatorInfo } from './demo.ts';
import { removeState } from './engines.ts';
import { choosePorts } from './ports.ts';
import { isRunning } from './process-identity.ts';
import type { StackInfo } from './stack.ts';
import { checkout, openStateFolder, readJson, type StateFolder } from './state-folder.ts';
import type { Stoppable } from './stop-process.ts';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Launched {
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Resolves with the one line of JSON once it is printed. */
  readonly ready: () => Promise<StackInfo>;
  /** Resolves once it has said so on stderr. */
  readonly says: (text: string) => Promise<unknown>;
  readonly outcome: Promise<Outcome>;
}

/** A home with a state folder in it, as a checkout has one. Its ports are any free ones: other tests start stacks at the same time. */
export interface Home {
  readonly folder: StateFolder;
  /** `npm start -- --json …`, without npm. */
  start(...args: string[]): Launched;
  /** The command line, in this home, signed in by nothing but the context that the start left there. */
  truffle(...args: string[]): Promise<Outcome>;
  /** What the bootstrap says that it started and has not ended. */
  recorded(): Stoppable[];
  /** Ids of processes that were started for this home, recorded or not, and run. `of` are further ones to look at. */
  running(of: readonly Stoppable[]): number[];
  close(): Promise<void>;
}

export async function makeHome(): Promise<Home> {
  const root = mkdtempSync(join(tmpdir(), 'stack-'));
  const stateDir = join(root, '.truffle');
  mkdirSync(stateDir);
  const folder = openStateFolder(stateDir);
  await choosePorts(folder.ports, () => {}, true);
  const launched = new Set<Launched>();
  const recorded = (): Stoppable[] => (readJson(folder.children) ?? []) as Stoppable[];
  return {
    folder,
    recorded,
    start(...args) {
      const program = [join(checkout, 'deploy', 'local', 'src', 'main.ts'), 'start', '--json', ...args];
      const one = launch(program, { ...process.env, TRUFFLE_STATE_DIR: stateDir }, root);
      launched.add(one);
      void one.outcome.then(() => launched.delete(one));
      return one;
    },
    truffle: (...args) =>
      launch(
        [join(checkout, 'cli', 'src', 'main.ts'), ...args],
        { ...programEnvironment(process.env), HOME: root },
        root,
      ).outcome,
    running: (of) => [
      ...new Set([...[...of, ...recorded()].filter(isRunning).map(({ pid }) => pid), ...startedWith(stateDir)]),
    ],
    async close() {
      // Of a test that failed half-way.
      for (const one of launched) one.kill('SIGTERM');
      await Promise.all([...launched].map((one) => one.outcome));
      removeState(stateDir);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function launch(program: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Launched {
  const child = spawn(process.execPath, program, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { stdout: '', stderr: '' };
  let over = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.stderr += text));
  const outcome = new Promise<Outcome>((done, fail) => {
    child.once('error', fail).once('close', (code) => done({ code, ...printed }));
  });
  void outcome.then(() => (over = true));
  const seen = async (what: string, there: () => boolean): Promise<void> => {
    await until({ what, milliseconds: 20 * 60_000 }, () => there() || over);
    if (!there()) throw new Error(`it ended before ${what}:\n${printed.stderr}`);
  };
  return {
    outcome,
    kill: (signal) => void child.kill(signal),
    says: (text) => seen(`"${text}"`, () => printed.stderr.includes(text)),
    ready: async () => {
      await seen('the line of JSON', () => printed.stdout.includes('\n'));
      return JSON.parse(printed.stdout) as StackInfo;
    },
  };
}

/** Processes whose command line or environment names `text`. Only Linux tells; elsewhere none. */
function startedWith(text: string): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => tellsOf(name, 'cmdline').includes(text) || tellsOf(name, 'environ').includes(text))
    .map(Number);
}

function tellsOf(pid: string, what: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}

/** The whole answer, head and body, of a guest of the simulated site, asked by the one way there is: through the site's bastion. */
export async function pageOfGuest({ bastion }: SimulatorInfo, url: string): Promise<string> {
  const client = await connected({
    host: bastion.host,
    port: bastion.port,
    username: bastion.user,
    privateKey: readFileSync(bastion.keyFile),
  });
  try {
    const { hostname, pathname } = new URL(url);
    return await new Promise<string>((resolve, reject) => {
      client.forwardOut('127.0.0.1', 0, hostname, 80, (error, channel) => {
        if (error) return reject(error);
        let text = '';
        channel.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        channel.once('close', () => resolve(text)).once('error', reject);
        channel.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
      });
    });
  } finally {
    client.end();
  }
}

function connected(config: Parameters<SshClient['connect']>[0]): Promise<SshClient> {
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client)).once('error', reject);
    client.connect(config);
  });
}
