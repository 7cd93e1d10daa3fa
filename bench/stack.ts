import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createTruffleClient, type TruffleClient } from '@truffle/api';

/** What `npm start --silent -- --json` prints, as far as the benches use it. */
export interface StackInfo {
  readonly url: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly apiKey: string;
  readonly agentId: string;
  /** Of the database's own superuser. */
  readonly databaseUrl: string;
  readonly simulator: {
    readonly url: string;
    readonly tokenId: string;
    readonly tokenSecret: string;
    readonly caFile: string;
  };
}

/** The whole product, started as a user starts it, in a state folder of its own. */
export interface BenchStack {
  readonly info: StackInfo;
  readonly stateDir: string;
  /** Processes of this name, from the folder's record. */
  pids(name: string): number[];
  /** Every process of the stack: name and pid. */
  processes(): { name: string; pid: number }[];
  stop(): Promise<void>;
}

const program = resolve(import.meta.dirname, '../deploy/local/src/main.ts');

export async function startStack(
  options: {
    readonly simulator?: readonly string[];
    readonly stateDir?: string;
    readonly keep?: boolean;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<BenchStack> {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'truffle-bench-'));
  const child = spawn(process.execPath, [program, 'start', '--json'], {
    env: {
      ...process.env,
      TRUFFLE_STATE_DIR: stateDir,
      TRUFFLE_RATE_PERCENT: '1000000',
      TRUFFLE_SIMULATOR_ARGS: (options.simulator ?? []).join(' '),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const info = await new Promise<StackInfo>((done, failed) => {
    createInterface({ input: child.stdout }).once('line', (line) => done(JSON.parse(line) as StackInfo));
    child.once('exit', (code) => failed(new Error(`the stack ended with code ${code}`)));
  });
  const processes = () =>
    JSON.parse(readFileSync(join(stateDir, 'children.json'), 'utf8')) as { name: string; pid: number }[];
  return {
    info,
    stateDir,
    processes,
    pids: (name) =>
      processes()
        .filter((p) => p.name === name)
        .map((p) => p.pid),
    stop: async () => {
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await gone;
      if (options.keep !== true) rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** A template of `count` plain servers. */
export const bareServers = (count: number): string => `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: bench-${count}, version: 1.0.0, title: Bench, summary: Bare servers }
servers:
  vm: { count: ${count}, image: debian-12, cpu: 1, memory: 64MiB, disk: 3GiB }
`;

/** The stack's public API, as its owner. */
export const clientOf = ({ url, apiKey }: StackInfo): TruffleClient =>
  createTruffleClient(
    createConnectTransport({
      baseUrl: url,
      httpVersion: '1.1',
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', `Bearer ${apiKey}`);
          return next(request);
        },
      ],
    }),
  );

/** User and system CPU seconds that processes have used so far (proc_pid_stat(5), fields 14 and 15, in ticks of 10 ms). */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

/** CPU seconds that the threads of a process have used so far, to the nanosecond (proc(5), schedstat). */
export function fineCpuSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e9,
    0,
  );
}

/** The same with the processes that it started. */
export function treeCpuSeconds(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return fineCpuSeconds(pid) + children.reduce((sum, child) => sum + treeCpuSeconds(Number(child)), 0);
}

/** Resident memory in MiB. */
export function residentMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** How unsteady the machine is: a fixed loop's slowest run over its fastest. */
export function noise(): string {
  const times = Array.from({ length: 9 }, () => {
    const began = performance.now();
    let x = 0;
    for (let i = 0; i < 2e7; i++) x = (x * 31 + i) | 0;
    return performance.now() - began + (x === 1 ? 1 : 0);
  });
  return `${(Math.max(...times) / Math.min(...times)).toFixed(2)}x`;
}
