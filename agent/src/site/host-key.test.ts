import { parseTemplateHere } from '@truffle/template-language';
import { describe, expect, it } from 'vitest';
import { commandId, ensureServer, type Fixture, openFixture, runDeployment } from './site.fixture.ts';

const source = `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: app, version: 1.0.0, title: App, summary: Writes a file. }
servers:
  app: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 8GiB, networks: [{ name: lan }] }
deployments:
  app: { on: [app], files: [{ path: /etc/app.conf, content: "hello" }] }
`;

const networks =
  'networks: { lan: { bridge: vmbr0, static: { first: 10.77.0.10, prefix: 16, gateway: 10.77.0.1 } } }\n';

function deploy(fixture: Fixture, address = '10.77.0.11'): ReturnType<Fixture['run']> {
  const template = parseTemplateHere(source);
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const server = { name: 'web', index: 0, role: 'app', address };
  return fixture.run(
    commandId(),
    runDeployment('web', {
      deployment: 'app',
      address,
      templateJson: json(template.ok ? template.template : {}),
      paramsJson: json({}),
      contextJson: json({ cluster: { name: 'prod', id: 'cls' }, server, servers: [server] }),
    }),
  );
}

describe('the host key of a server', () => {
  it('is the one that its own disk holds: who answers SSH in its place is found out at the first login', async () => {
    await using fixture = await openFixture({}, networks);
    const { said } = await fixture.run(commandId(), ensureServer('web', 20001));
    expect(said).toMatch(/host key SHA256:\S{43}, read by the guest agent/);
    expect((await deploy(fixture)).failure).toBeUndefined();
  });

  it('that another machine shows at the address is refused, though nobody logged in before', async () => {
    await using fixture = await openFixture({}, networks);
    await fixture.run(commandId(), ensureServer('web', 20001));
    await fixture.run(commandId(), ensureServer('db', 20002));
    const { failure } = await deploy(fixture, '10.77.0.12');
    expect(failure?.reason).toBe('GUEST_HOST_KEY_CHANGED');
  });

  it('is pinned at the first login where the token may not read files, and the log says so', async () => {
    await using fixture = await openFixture({}, networks);
    const { access } = fixture.simulator.cluster;
    const may = access.roles['TruffleAgent'] ?? [];
    access.roles['TruffleAgent'] = may.filter((each) => each !== 'VM.GuestAgent.Unrestricted');
    const { said, failure } = await fixture.run(commandId(), ensureServer('web', 20001));
    expect(failure).toBeUndefined();
    expect(said).toContain('the token lacks VM.GuestAgent.FileRead');
    expect((await deploy(fixture)).failure).toBeUndefined();
  });

  it('is pinned at the first login where the guest has no agent', async () => {
    await using fixture = await openFixture({}, networks);
    fixture.simulator.faults.add({ times: null, action: { kind: 'agent-absent' } });
    const { said } = await fixture.run(commandId(), ensureServer('web', 20001));
    expect(said).toContain('the guest agent does not tell');
    expect((await deploy(fixture)).failure).toBeUndefined();
  });
});
