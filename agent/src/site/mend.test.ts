import { Outcome, type CommandPayload, type EnsureServer } from '@truffle/api/agent/v1/command';
import { KeptOutcome } from '@truffle/api/agent/v1/link';
import { parseTemplateHere } from '@truffle/template-language';
import pino from 'pino';
import { expect, test } from 'vitest';
import type { Clock } from '../command/clock.ts';
import { DecodedFailure } from '../command/failure.ts';
import { HealthKeeper } from '../keep/health-keeper.ts';
import { startAgent } from '../testing/agent.ts';
import { testCommand } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { framesOf, startGateway, type TestGateway, type Visit } from '../testing/gateway.ts';
import { newAuthority } from '../testing/pki.ts';
import { clusterId, commandId, ensureServer, type Fixture, openFixture, runDeployment } from './site.fixture.ts';

/** A clock that goes faster, so that real servers are asked every 60 ms. */
const speed = 500;
const fast: Clock = {
  now: () => performance.now() * speed,
  wall: () => 1_800_000_000_000 + Math.round(performance.now() * speed),
  after: (ms, act) => {
    const timer = setTimeout(act, ms / speed);
    return () => clearTimeout(timer);
  },
};

const templateOf = (remedy: string): string => `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: web, version: 1.0.0, title: Web, summary: A page. }
servers:
  web: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 8GiB, networks: [{ name: lan }] }
deployments:
  web:
    on: [web]
    steps: [{ name: install, run: "apt-get install -y nginx" }]
    health: { tcp: 80, timeout: 5s, interval: 100ms, remedy: ${remedy} }
`;

const bytes = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));

function deployment(template: string, address: string): CommandPayload {
  const parsed = parseTemplateHere(template);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const server = { name: 'web-1', role: 'web', index: 0, address };
  return runDeployment('web-1', {
    address,
    deployment: 'web',
    revision: 1,
    templateJson: bytes(parsed.template),
    paramsJson: bytes({}),
    contextJson: bytes({ cluster: { name: 'demo', id: clusterId }, server, servers: [server] }),
    secretScope: clusterId,
  });
}

const ready = (gateway: TestGateway): Promise<Visit> =>
  gateway.until(() => gateway.visits.find((visit) => framesOf(visit, 'ready').length > 0));

/** Has the agent do a command to its end, as a gateway does. */
async function order(gateway: TestGateway, visit: Visit, fence: number, { op }: CommandPayload): Promise<void> {
  const id = commandId();
  visit.send({ case: 'command', value: testCommand({ id, op, fence, resourceKey: 'vm' }) });
  await gateway.until(() => framesOf(visit, 'accepted').find((each) => each.commandId === id));
  visit.send({ case: 'permit', value: { commandId: id, permitNo: 1 } });
  const result = await gateway.until(() => framesOf(visit, 'result').find((each) => each.commandId === id));
  expect(result.outcome).toBe(Outcome.SUCCEEDED);
  visit.send({ case: 'resultAck', value: { commandId: id, terminal: true } });
}

const nginx = ({ simulator }: Fixture) => simulator.cluster.guests.get(20060)?.services.units.get('nginx');

/** A real agent with a server and its deployment on the simulated site, whose gateway has gone. */
async function leftAlone(fixture: Fixture, remedy: string) {
  const authority = await newAuthority();
  const gateway = await startGateway(authority);
  const { endpoint } = gateway;
  const folder = testFolder();
  const agent = await startAgent({
    folder,
    authority,
    endpoints: [endpoint],
    handlers: fixture.site.handlers,
    random: () => 0.05,
  });
  const visit = await ready(gateway);
  const server = ensureServer('web-1', 20060);
  await order(gateway, visit, 1, server);
  const address = fixture.simulator.cluster.guests.get(20060)?.address ?? '';
  await order(gateway, visit, 2, deployment(templateOf(remedy), address));
  gateway.close();
  await expect.poll(() => agent.link.ready).toBe(false);
  const { keep } = fixture.site;
  if (keep === undefined) throw new Error('the site keeps nothing');
  const keeper = new HealthKeeper({
    journal: agent.journal,
    site: keep,
    claim: (resourceKey) => agent.runner.claim(resourceKey),
    noted: () => agent.reports.keptDue(),
    clock: fast,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
    objection: () => undefined,
  });
  keeper.start();
  const notes = () => agent.journal.declared.notes().map(({ outcome, detail }) => `${outcome} ${detail}`.trim());
  const back = () => startGateway(authority, Number(endpoint.split(':')[1]));
  return { agent, keeper, notes, back, server: server.op.value as EnsureServer };
}

test('a service that stopped is restarted while the control plane is away, and that is told when it is back', async () => {
  await using fixture = await openFixture();
  const { keeper, notes, back, server, agent } = await leftAlone(fixture, '{ restartUnits: [nginx] }');
  const unit = nginx(fixture);
  if (unit === undefined) throw new Error('nginx is not installed');
  unit.active = false;
  await expect.poll(notes, { timeout: 20_000 }).toHaveLength(2);
  expect(unit.active).toBe(true);
  expect(notes()[0]).toMatch(/^remedied web: .*:80 can't be reached; restarted nginx \(1 of 3\)$/);
  expect(notes()[1]).toBe('healthy');
  await keeper.stop();

  const gateway = await back();
  const visit = await ready(gateway);
  const kept = await gateway.until(() => framesOf(visit, 'kept').length === 2 && framesOf(visit, 'kept'));
  expect(kept.map(({ outcome }) => outcome)).toEqual([KeptOutcome.REMEDIED, KeptOutcome.HEALTHY]);
  expect(kept[0]).toMatchObject({ serverId: server.serverId, resourceKey: 'vm' });
  for (const { n } of kept) visit.send({ case: 'keptAck', value: { n } });
  await expect.poll(() => agent.journal.declared.notes()).toEqual([]);
});

test('a unit that is not there is tried three times; a VM is restarted as its own remedy', async () => {
  await using fixture = await openFixture();
  const { keeper, notes } = await leftAlone(fixture, '{ restartUnits: [absent], failures: 1 }');
  const unit = nginx(fixture);
  if (unit === undefined) throw new Error('nginx is not installed');
  unit.active = false;
  await expect.poll(notes, { timeout: 30_000 }).toHaveLength(4);
  expect(notes().slice(0, 3)).toEqual(Array(3).fill(expect.stringContaining('its remedy failed: ')));
  expect(notes()[3]).toContain('its remedy was applied 3 times and did not help');
  await keeper.stop();

  const { keep } = fixture.site;
  const vm = fixture.simulator.cluster.vms.get(20060);
  const booted = vm?.running?.bootedAt;
  const health = { kind: 'tcp', port: 80, timeoutMs: 1, intervalMs: 1, remedy: { units: [], failures: 1 } } as const;
  const server = ensureServer('web-1', 20060).op.value as EnsureServer;
  const watch = { deployment: 'web', address: '', health };
  await keep?.remedy(server, watch, AbortSignal.timeout(20_000));
  expect(vm?.running?.bootedAt).not.toBe(booted);
});

test('where the site forbids to reach the server nothing is tried, and that is said', async () => {
  let forbidden = false;
  await using fixture = await openFixture({}, '', () => {
    if (forbidden) throw new DecodedFailure({ reason: 'POLICY_VIOLATION', message: 'sshTargets forbids it' });
  });
  const { keeper, notes } = await leftAlone(fixture, '{ restartUnits: [nginx] }');
  forbidden = true;
  await expect.poll(notes, { timeout: 20_000 }).toHaveLength(1);
  expect(notes()[0]).toBe('unhealthy its health can not be asked; sshTargets forbids it');
  await keeper.stop();
});
