/** Calls of one tenant at an even pace, in a thread of its own. Started by edge.ts. */
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

/** What to call, and how often. */
export interface Load {
  readonly url: string;
  readonly token: string;
  readonly orgId: string;
  readonly perSecond: number;
  readonly seconds: number;
}

/** Of each call: its milliseconds when it was answered, by status. */
export type Seen = Readonly<Record<string, readonly number[]>>;

const paceMs = 5;
const lateMs = 3_000;

/** Calls begin when they are due, whether or not those before were answered: a slow server is not spared. */
export async function run({ url, token, orgId, perSecond, seconds }: Load): Promise<Seen> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 128 });
  const seen: Record<string, number[]> = {};
  const body = JSON.stringify({ orgId });
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': body.length,
  };
  const call = (): Promise<void> =>
    new Promise((done) => {
      const began = performance.now();
      const end = (status: string) => {
        (seen[status] ??= []).push(performance.now() - began);
        done();
      };
      const path = '/truffle.tenant.v1.OrganizationService/GetOrganization';
      http
        .request(`${url}${path}`, { method: 'POST', agent, headers }, (response) => {
          response.resume();
          response.once('end', () => end(String(response.statusCode)));
        })
        .once('error', () => end('broken'))
        .end(body);
    });
  const calls: Promise<void>[] = [];
  const began = performance.now();
  for (let now = began; now - began < seconds * 1_000; now = performance.now()) {
    while (calls.length < ((now - began) / 1_000) * perSecond) calls.push(call());
    await delay(paceMs);
  }
  // Answers to a flood are held back: what was not sent by now is given up with the window.
  await Promise.race([Promise.all(calls), delay(lateMs)]);
  agent.destroy();
  return seen;
}

const port = parentPort;
if (port !== null) port.postMessage(await run(workerData as Load));
