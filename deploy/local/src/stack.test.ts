import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from './deadline.ts';
import type { SimulatorInfo } from './demo.ts';
import type { Ports } from './ports.ts';
import { makeHome, pageOfGuest, type Home, type Launched } from './stack.fixture.ts';
import { readJson } from './state-folder.ts';

/** The first start on a machine may build an engine. */
const patience = 25 * 60_000;

let home: Home;
const ports = (): Ports => readJson(home.folder.ports) as Ports;

/** Runs the command line and gives what it printed as data. */
async function truffle<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await home.truffle(...args, '--output', 'json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

interface Cluster {
  readonly name: string;
  readonly state: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Ends it as Ctrl-C does, and looks for what is left. */
async function interrupt(stack: Launched, code: number): Promise<void> {
  const children = home.recorded();
  stack.kill('SIGINT');
  const outcome = await stack.outcome;
  expect(outcome.code, outcome.stderr).toBe(code);
  await nothingRuns(children);
}

const nothingRuns = (children: ReturnType<Home['recorded']>): Promise<unknown> =>
  until({ what: 'the end of all processes', milliseconds: 20_000 }, () => home.running(children).length === 0);

async function take(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe.each([
  { shape: 'in one process', args: [], processes: ['all-in-one'] },
  {
    shape: 'in a process for each service',
    args: ['--split'],
    processes: ['agent-gateway', 'billing', 'edge', 'orchestration', 'template', 'tenant'],
  },
])('the stack $shape', ({ args, processes }) => {
  beforeAll(async () => {
    home = await makeHome();
  });
  afterAll(() => home.close(), 60_000);

  test('deploys a template whose page is then served, and is stopped by Ctrl-C', { timeout: patience }, async () => {
    const stack = home.start(...args);
    const text = expect.stringMatching(/./);
    expect(await stack.ready()).toEqual({
      url: `http://127.0.0.1:${ports().api}`,
      login: { email: text, password: text },
      orgId: expect.stringMatching(/^org_/),
      projectId: expect.stringMatching(/^prj_/),
      apiKey: text,
      databaseUrl: text,
      natsUrl: text,
      temporalAddress: text,
      agentId: expect.stringMatching(/^agt_/),
      simulator: { url: expect.stringMatching(/^https:/), tokenId: text, tokenSecret: text, caFile: text },
    });
    expect(home.recorded().map(({ name }) => name)).toEqual(
      expect.arrayContaining(['nats', 'postgres', 'temporal', 'simulator', 'agent', ...processes]),
    );

    const make = ['cluster', 'create', 'hello', '--template', 'static-site', '--set', 'title=Served by the stack'];
    const cluster = await truffle<Cluster>(...make, '--wait', '--yes');
    expect(cluster.state).toBe('CLUSTER_STATE_READY');
    const site = readJson(join(home.folder.root, 'simulator', 'info.json')) as SimulatorInfo;
    expect(await pageOfGuest(site, cluster.outputs['url'] ?? '')).toContain('Served by the stack');
    const log = await home.truffle('logs', 'hello', '--output', 'json');
    expect(log.stdout).toContain('wrote /srv/site/index.html');

    // The demo site names the key of this checkout: a password that it made is told at once.
    const database = ['cluster', 'create', 'pg', '--template', 'postgres', '--set', 'replicas=0'];
    await truffle<Cluster>(...database, '--wait', '--yes');
    const outputs = await truffle<Cluster['outputs']>('cluster', 'outputs', 'pg', '--reveal');
    expect(outputs['urlWithPassword']).toMatch(/^postgres.*:[A-Za-z0-9]{32}@/);
    await home.truffle('cluster', 'delete', 'pg', '--wait', '--yes');

    await interrupt(stack, 0);
    expect((await stack.outcome).stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  test('goes on where it was, on other ports when its own are taken', { timeout: 120_000 }, async () => {
    const before = ports();
    const taken = [await take(before.api), await take(before.agents)];
    try {
      const stack = home.start(...args);
      const { url } = await stack.ready();
      expect(url).not.toBe(`http://127.0.0.1:${before.api}`);
      expect(ports().agents).not.toBe(before.agents);
      const clusters = await truffle<readonly Cluster[]>('cluster', 'list');
      expect(clusters.map(({ name, state }) => [name, state])).toEqual([['hello', 'CLUSTER_STATE_READY']]);
      const { code, stderr } = await home.truffle('cluster', 'delete', 'hello', '--wait', '--yes');
      expect(code, stderr).toBe(0);
      expect(await truffle('cluster', 'list')).toEqual([]);

      // A supervisor that can do nothing any more: its guard does.
      const children = home.recorded();
      stack.kill('SIGKILL');
      await stack.outcome;
      await nothingRuns(children);
    } finally {
      for (const server of taken) server.close();
    }
  });
});

describe('Ctrl-C during the first start', () => {
  beforeAll(async () => {
    home = await makeHome();
  });
  afterAll(() => home.close(), 60_000);

  test.each([
    ['its engines', 'nats: ready'],
    ['its migration', 'temporal: ready'],
    ['its services', 'tenant: ready'],
    ['its agent', 'edge: ready'],
  ])('leaves nothing of %s', { timeout: 120_000 }, async (_, line) => {
    const stack = home.start('--split');
    await stack.says(line);
    await interrupt(stack, 130);
  });
});

test('--reset forgets everything', { timeout: 120_000 }, async () => {
  home = await makeHome();
  try {
    const first = home.start('--no-demo');
    await first.ready();
    await interrupt(first, 0);
    expect(existsSync(home.folder.context)).toBe(true);
    const again = home.start('--reset', '--engines-only');
    const client = new pg.Client({ connectionString: (await again.ready()).databaseUrl });
    await client.connect();
    const { rows } = await client.query(`select 1 from information_schema.schemata where schema_name = 'tenant'`);
    await client.end();
    expect(rows).toEqual([]);
    expect(existsSync(home.folder.context)).toBe(false);
    await interrupt(again, 0);
  } finally {
    await home.close();
  }
});
