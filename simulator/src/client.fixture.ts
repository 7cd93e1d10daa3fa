import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import ssh2, { type Client as SshClient, type ClientChannel } from 'ssh2';
import type { SimulatorInfo } from './simulator.ts';

export interface Reply {
  status: number;
  reason: string;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The parsed body, when it is JSON. */
  json: { data?: unknown; message?: string; errors?: Record<string, string>; total?: number } | undefined;
}

export interface Sent {
  method: string;
  path: string;
  headers?: Record<string, string>;
  /** Form fields, or a body as it is. */
  body?: Record<string, string> | string;
}

/** Sends one request over TLS, trusting the simulator's own CA only. */
export function send(info: SimulatorInfo, sent: Sent): Promise<Reply> {
  const body =
    sent.body === undefined
      ? undefined
      : typeof sent.body === 'string'
        ? sent.body
        : new URLSearchParams(sent.body).toString();
  const headers: Record<string, string | number> = {
    ...(sent.method === 'GET' || sent.method === 'DELETE' ? {} : { 'Content-Length': Buffer.byteLength(body ?? '') }),
    ...(typeof sent.body === 'object' ? { 'Content-Type': 'application/x-www-form-urlencoded' } : {}),
    ...sent.headers,
  };
  return new Promise((resolve, reject) => {
    const call = request(
      `${info.url}${sent.path}`,
      { method: sent.method, headers, ca: readFileSync(info.caFile), agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const isJson = (response.headers['content-type'] ?? '').startsWith('application/json');
          resolve({
            status: response.statusCode ?? 0,
            reason: response.statusMessage ?? '',
            headers: response.headers,
            text,
            json: isJson ? JSON.parse(text) : undefined,
          });
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

export function tokenHeader(info: SimulatorInfo): Record<string, string> {
  return { Authorization: `PVEAPIToken=${info.tokenId}=${info.tokenSecret}` };
}

/** Calls the API with the demo token; answers the data. @throws when the status is not 200 */
export async function api(
  info: SimulatorInfo,
  method: string,
  path: string,
  body?: Record<string, string>,
): Promise<unknown> {
  const reply = await send(info, {
    method,
    path: `/api2/json${path}`,
    headers: tokenHeader(info),
    ...(body === undefined ? {} : { body }),
  });
  if (reply.status !== 200) throw new Error(`${method} ${path}: ${reply.status} ${reply.reason} ${reply.text}`);
  return reply.json?.data;
}

const DEADLINE_MS = 10_000;

/** Asks again and again until `done` is happy. @throws after ten seconds, or `ms` */
export async function until<T>(
  ask: () => Promise<T>,
  done: (value: T) => boolean,
  ms: number = DEADLINE_MS,
): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await ask();
    if (done(value)) return value;
    if (Date.now() > deadline) throw new Error(`waited too long; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits for a task to stop; answers its exit status. */
export async function finished(info: SimulatorInfo, upid: unknown, ms: number = DEADLINE_MS): Promise<string> {
  const name = String(upid);
  const status = await until(
    async () =>
      (await api(info, 'GET', `/nodes/${name.split(':')[1]}/tasks/${encodeURIComponent(name)}/status`)) as {
        status: string;
        exitstatus?: string;
      },
    (one) => one.status === 'stopped',
    ms,
  );
  return status.exitstatus ?? '';
}

/** Connects to the bastion. */
export function connectBastion(info: SimulatorInfo): Promise<SshClient> {
  const { host, port, user, keyFile } = info.bastion;
  return connect({ host, port, username: user, privateKey: readFileSync(keyFile) });
}

export function connect(config: Parameters<SshClient['connect']>[0]): Promise<SshClient> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on('ready', () => resolve(client));
    client.on('error', reject);
    client.connect(config);
    client.setNoDelay(true);
  });
}

/** A channel through the bastion to an address of the site. */
export function channel(bastion: SshClient, address: string, port: number): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    bastion.forwardOut('127.0.0.1', 0, address, port, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
}

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command over SSH; `input` is sent and ended, without it the input stays open. */
export function run(client: SshClient, command: string, input?: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, stream) => {
      if (error) {
        reject(error);
        return;
      }
      const ran: Ran = { code: -1, stdout: '', stderr: '' };
      stream.on('data', (chunk: Buffer) => {
        ran.stdout += chunk.toString('utf8');
      });
      stream.stderr.on('data', (chunk: Buffer) => {
        ran.stderr += chunk.toString('utf8');
      });
      stream.on('exit', (code: number) => {
        ran.code = code;
      });
      stream.on('close', () => resolve(ran));
      if (input !== undefined) stream.end(input);
    });
  });
}
