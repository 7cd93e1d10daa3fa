import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Reply, send } from './client.fixture.ts';
import { ManualClock } from './clock.ts';
import { type Recorded, differences, headerDifferences } from './conformance.fixture.ts';
import type { Seed } from './seed.ts';
import { type Simulator, startSimulator } from './simulator.ts';

const folder = process.env['PVE_RECORDINGS'];
const records: Recorded[] =
  folder === undefined ? [] : JSON.parse(readFileSync(join(folder, 'recorded-9.2.11.json'), 'utf8')).records;

/** Exchanges that show the recording's broken host or left-out neighbours, by their place in the file. */
const NOT_APPLICABLE: Readonly<Record<number, string>> = {
  37: 'the recorded host has no timedatectl',
  39: 'the recorded host lacks the list of machine versions',
  137: 'no console served in the recording',
  275: 'measured values of the hour before',
  286: 'log of the emulated disk being locked',
  427: 'log of the emulated disk being locked',
  414: 'counts tasks of exchanges that were left out',
  415: 'counts tasks of exchanges that were left out',
  416: 'lists tasks of exchanges that were left out',
};

const BOOT_MS = 15_000;
const PASSWORD = 'secret123';

function seed(nodes: readonly string[]): Seed {
  return {
    nodes,
    storages: [
      {
        storage: 'local',
        type: 'dir',
        path: '/var/lib/vz',
        content: ['iso', 'snippets', 'vztmpl', 'rootdir', 'backup', 'images', 'import'],
        shared: false,
        total: 12_638_248_960,
        enabled: true,
      },
    ],
    fill: (cluster) => {
      const { access } = cluster;
      access.users['root@pam'] = { enable: true, expire: 0, groups: [], tokens: {} };
      for (const [userid, roleid] of [
        ['tf@pve', 'Administrator'],
        ['ro@pve', 'PVEAuditor'],
      ] as const) {
        access.users[userid] = { password: PASSWORD, enable: true, expire: 0, groups: [], tokens: {} };
        access.acl.push({ path: '/', type: 'user', ugid: userid, roleid, propagate: true });
      }
      for (const node of nodes.slice(1)) Object.assign(cluster.nodes.get(node) ?? {}, { online: false });
    },
  };
}

/** Plays the recorded requests of one set against a simulator of its own, whose clock only moves when a recorded answer needs it. */
class Replay {
  readonly clock = new ManualClock();
  /** Generated names that later requests repeat: tasks, digests, pids. */
  private readonly names = new Map<string, string>();
  private readonly tickets = new Map<string, { ticket: string; csrf: string }>();
  private tokenSecret = '';
  readonly simulator: Simulator;

  private constructor(simulator: Simulator, clock: ManualClock) {
    this.simulator = simulator;
    this.clock = clock;
  }

  static async start(set: string): Promise<Replay> {
    const clock = new ManualClock();
    const nodes = set === 'rec4' ? ['pve1', 'pve2'] : ['pve1'];
    const simulator = await startSimulator({
      clock,
      cloneMs: 500,
      diskMs: 50,
      bootMs: BOOT_MS,
      forkMs: 10,
      authDelayMs: 0,
      agentWaitMs: 0,
      statusIntervalMs: Infinity,
      seed: seed(nodes),
    });
    const replay = new Replay(simulator, clock);
    simulator.cluster.clusterName = undefined;
    return replay;
  }

  private async session(user: string): Promise<{ ticket: string; csrf: string }> {
    const known = this.tickets.get(user);
    if (known !== undefined) return known;
    const reply = await send(this.simulator.info, {
      method: 'POST',
      path: '/api2/json/access/ticket',
      body: { username: user, password: PASSWORD },
    });
    const data = reply.json?.data as { ticket: string; CSRFPreventionToken: string };
    const session = { ticket: data.ticket, csrf: data.CSRFPreventionToken };
    this.tickets.set(user, session);
    return session;
  }

  /** Recorded secrets are cut short: the simulator's own take their place. */
  private async headers(recorded: Record<string, string>): Promise<Record<string, string>> {
    const headers = { ...recorded };
    const user = /^PVEAuthCookie=PVE%3A(.+?)%40pve/.exec(recorded['Cookie'] ?? '')?.[1];
    if (user !== undefined) {
      const session = await this.session(`${user}@pve`);
      headers['Cookie'] = `PVEAuthCookie=${encodeURIComponent(session.ticket)}`;
      if (recorded['CSRFPreventionToken']?.endsWith('…') === true) headers['CSRFPreventionToken'] = session.csrf;
    }
    if (recorded['Authorization']?.startsWith('PVEAPIToken=tf@pve!ci=') === true)
      headers['Authorization'] = `PVEAPIToken=tf@pve!ci=${this.tokenSecret}`;
    else if (headers['Authorization']?.endsWith('…') === true)
      headers['Authorization'] = headers['Authorization'].slice(0, -1);
    return headers;
  }

  private path(recorded: string): string {
    let path = recorded;
    for (const [old, now] of this.names)
      path = path.replaceAll(encodeURIComponent(old), encodeURIComponent(now)).replaceAll(old, now);
    return path;
  }

  private async body(recorded: string | null): Promise<string | undefined> {
    if (recorded === null) return undefined;
    if (!recorded.includes('password=PVE%3A')) return this.path(recorded);
    return `username=tf%40pve&password=${encodeURIComponent((await this.session('tf@pve')).ticket)}`;
  }

  async play(record: Pick<Recorded, 'request'>): Promise<Reply> {
    const { method, path, body, headers } = record.request;
    const text = await this.body(body);
    return send(this.simulator.info, {
      method,
      path: this.path(path),
      headers: await this.headers(headers),
      ...(text === undefined ? {} : { body: text }),
    });
  }

  /** Remembers what later requests name: tasks and the token. */
  learn(record: Recorded, reply: Reply): void {
    const was = (record.body as { data?: unknown } | null)?.data;
    const is = reply.json?.data;
    if (typeof was === 'string' && was.startsWith('UPID:') && typeof is === 'string') this.names.set(was, is);
    this.learnFields(was, is);
    if (record.request.path === '/api2/json/access/ticket' && reply.status === 200) this.learnTicket(is);
    const secret = (is as { 'full-tokenid'?: string; value?: string } | null)?.value;
    if (record.request.path.endsWith('/token/ci') && typeof secret === 'string') this.tokenSecret = secret;
  }

  private learnFields(was: unknown, is: unknown): void {
    const [old, now] = [was, is] as ({ digest?: string; pid?: number } | null | undefined)[];
    if (typeof old?.digest === 'string' && typeof now?.digest === 'string') this.names.set(old.digest, now.digest);
    if (old?.pid !== undefined && now?.pid !== undefined && Object.keys(old).length === 1)
      this.names.set(`pid=${old.pid}`, `pid=${now.pid}`);
  }

  private learnTicket(is: unknown): void {
    const data = is as { username: string; ticket: string; CSRFPreventionToken: string };
    this.tickets.set(data.username, { ticket: data.ticket, csrf: data.CSRFPreventionToken });
  }

  /** Lets time pass as far as the recorded answer shows that it had. */
  async prepare(place: number, record: Recorded): Promise<void> {
    const { method, path } = record.request;
    if (path.endsWith('/agent/ping') && record.status === 200) await this.clock.advance(BOOT_MS);
    const data = (record.body as { data?: { status?: string; upid?: string } } | null)?.data;
    if (path.endsWith('/status') && data?.status === 'stopped' && data.upid !== undefined)
      await this.finish(this.names.get(data.upid) ?? '');
    if (method === 'GET' && path.includes('/agent/exec-status')) await this.clock.advance(10);
    const { faults, cluster } = this.simulator;
    const before: Record<number, () => void | Promise<void>> = {
      149: () => void faults.add({ action: { kind: 'snapshot-breaks' } }),
      258: () => this.clock.advance(20),
      274: () => cluster.reports.broadcast(cluster),
      283: () =>
        void faults.add({
          task: 'resize',
          action: {
            kind: 'task-fails',
            text: 'qemu-img.real: Could not open \'/var/lib/vz/images/100/vm-100-disk-0.qcow2\': Failed to get shared "write" lock Is another process using the image [/var/lib/vz/images/100/vm-100-disk-0.qcow2]?',
          },
        }),
      315: () => cluster.reports.broadcast(cluster),
      424: () => {
        for (const text of ['failed to check', 'Could not remove disk'])
          faults.add({ task: 'qmdestroy', vmid: 101, action: { kind: 'task-warns', text } });
      },
    };
    await before[place]?.();
  }

  private async finish(upid: string): Promise<void> {
    for (let turn = 0; turn < 5000; turn += 1) {
      const task = this.simulator.cluster.tasks.byUpid.get(upid);
      if (task === undefined || task.exitstatus !== undefined) return;
      await this.clock.advance(10);
    }
  }
}

/** The three racing clones were answered in another order than they began: the worker with the lower pid wins. */
function inOrder(all: readonly { place: number; record: Recorded }[]): { place: number; record: Recorded }[] {
  const list = [...all];
  const first = list.findIndex((one) => one.place === 256);
  if (first >= 0) list.splice(first, 2, ...list.slice(first, first + 2).toReversed());
  const race = list.findIndex((one) => one.place === 194);
  if (race >= 0) list.splice(race, 2, ...list.slice(race, race + 2).toReversed());
  return list;
}

describe.skipIf(folder === undefined)(
  'exchanges recorded from the genuine API (PVE_RECORDINGS names their folder)',
  () => {
    const matched: number[] = [];
    const failedIn: Record<string, string[]> = {};

    afterAll(() => {
      const skipped = Object.keys(NOT_APPLICABLE).length;
      process.stdout.write(
        `${matched.length} of ${records.length} recorded exchanges answered alike, ${skipped} cannot apply, ${Object.values(failedIn).flat().length} differ\n`,
      );
    });

    for (const set of ['rec1', 'rec2', 'rec3', 'rec4']) {
      test(set, { timeout: 120_000 }, async () => {
        const failed: string[] = [];
        failedIn[set] = failed;
        const replay = await Replay.start(set);
        try {
          for (const { place, record } of inOrder(
            records.map((one, at) => ({ place: at, record: one })).filter((one) => one.record.set === set),
          )) {
            await replay.prepare(place, record);
            const reply = await replay.play(record);
            replay.learn(record, reply);
            if (NOT_APPLICABLE[place] !== undefined) continue;
            const wrong = [
              ...(reply.status === record.status
                ? []
                : [`status: recorded ${record.status}, got ${reply.status} ${reply.text.slice(0, 300)}`]),
              ...(reply.reason === record.reason ? [] : [`reason: recorded ${record.reason}, got ${reply.reason}`]),
              ...headerDifferences(record.headers, reply.headers),
              ...differences(record.body, reply.json ?? reply.text, record.request.path),
            ];
            if (wrong.length === 0) matched.push(place);
            else
              failed.push(
                `#${place} ${record.request.method} ${record.request.path} ${record.request.body ?? ''}\n    ${wrong.join('\n    ')}`,
              );
          }
          expect(failed.join('\n')).toBe('');
        } finally {
          await replay.simulator.close();
        }
      });
    }
  },
);

test.runIf(folder === undefined)('PVE_RECORDINGS is not set: the recorded exchanges are not replayed', ({ skip }) =>
  skip('set PVE_RECORDINGS to the folder of the recordings'),
);
