import { Outcome, type SealedValue } from '@truffle/api/agent/v1/command';
import { canonicalAad, keyId, seal } from '@truffle/sealing';
import { parseTemplateHere } from '@truffle/template-language';
import { describe, expect, it } from 'vitest';
import {
  agentId,
  clusterId,
  commandId,
  Crash,
  ensureServer,
  type Fixture,
  openFixture,
  orgId,
  runDeployment,
} from '../site/site.fixture.ts';

const source = `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: app, version: 1.0.0, title: App, summary: An app with a secret. }
parameters:
  greeting: { type: string, default: hello }
  password: { type: string, secret: true, generate: { length: 24 } }
  token: { type: string, secret: true }
servers:
  app: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 8GiB, networks: [{ name: lan }] }
deployments:
  app:
    on: [app]
    files:
      - path: /etc/app/app.conf
        content: "greeting=\${{ params.greeting }} it's $HOME\\npassword=\${{ params.password }}\\n"
        mode: "0640"
        notify: reload
    steps:
      - { name: install, run: "apt-get install -y nginx" }
      - name: record
        env: { TOKEN: "\${{ params.token }}" }
        run: "printf %s \\"$TOKEN\\" > /etc/app/token; echo \\"the token is $TOKEN\\"; echo run >> /etc/app/runs"
      - { name: reload, run: "echo reloaded >> /etc/app/reloads" }
    health: { http: { port: 80, path: / }, timeout: 5s, interval: 100ms }
  broken:
    on: [app]
    steps: [{ name: fails, run: "echo before; echo it broke >&2; exit 3" }]
  sick:
    on: [app]
    health: { tcp: 9999, timeout: 1s, interval: 100ms }
  once:
    on: [app]
    steps: [{ name: once, run: "echo x >> /root/once; reboot", idempotent: false }]
`;

const tokenValue = 'tok-5f0c1b77-very-secret';

interface Setup extends AsyncDisposable {
  readonly fixture: Fixture;
  readonly read: (path: string) => string | undefined;
  readonly deploy: (
    deployment: string,
    options?: { id?: string; crashAt?: number; greeting?: string; token?: SealedValue },
  ) => ReturnType<Fixture['run']>;
}

async function sealToken(
  fixture: Fixture,
  change: { notAfter?: number; name?: string; version?: number; tenant?: string } = {},
): Promise<SealedValue> {
  const id = keyId(fixture.sealing.publicKey);
  const { version = 1, tenant = orgId } = change;
  const notAfter = change.notAfter ?? Math.floor(Date.now() / 1000) + 3600;
  const aad = canonicalAad({
    tenant,
    agent: agentId,
    secretId: `${clusterId}/token`,
    version,
    purpose: 'template-parameter',
    keyId: id,
    notAfter,
  });
  const sealed = await seal({
    publicKey: fixture.sealing.publicKey,
    plaintext: new TextEncoder().encode(tokenValue),
    aad,
  });
  return {
    $typeName: 'truffle.agent.v1.SealedValue',
    name: change.name ?? 'token',
    keyId: id,
    sealed,
    version,
    notAfter: BigInt(notAfter),
  };
}

async function setUp(): Promise<Setup> {
  const fixture = await openFixture();
  const made = await fixture.run(commandId(), ensureServer('app-1', 20001));
  const address = made.end.output?.output.case === 'server' ? made.end.output.output.value.address : '';
  const parsed = parseTemplateHere(source);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const server = { name: 'app-1', role: 'app', index: 0, address };
  const bytes = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));
  const sealed = await sealToken(fixture);
  return {
    fixture,
    read: (path) => fixture.simulator.cluster.guests.get(20001)?.disk.read(path)?.toString('utf8'),
    deploy: (deployment, { id = commandId(), crashAt, greeting = 'hello', token = sealed } = {}) =>
      fixture.run(
        id,
        runDeployment('app-1', {
          address,
          deployment,
          revision: 1,
          templateJson: bytes(parsed.template),
          paramsJson: bytes({ greeting }),
          contextJson: bytes({ cluster: { name: 'demo', id: clusterId }, server, servers: [server] }),
          secrets: [token],
          generated: [{ name: 'password', length: 24, charset: '' }],
          secretScope: clusterId,
        }),
        crashAt === undefined ? {} : { crashAt },
      ),
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

describe('RunDeployment', () => {
  it('writes files, runs steps and sees it healthy; secrets reach the guest and no log', async () => {
    await using setup = await setUp();
    const { end, failure, said } = await setup.deploy('app');
    expect(failure).toBeUndefined();
    expect(end.outcome).toBe(Outcome.SUCCEEDED);
    const conf = setup.read('/etc/app/app.conf') ?? '';
    expect(conf).toMatch(/^greeting=hello it's \$HOME\npassword=[A-Za-z0-9]{24}\n$/);
    expect(setup.read('/etc/app/token')).toBe(tokenValue);
    expect(said).toContain('the token is [redacted]');
    expect(said).not.toContain(tokenValue);
    expect(said).not.toContain(/password=(.*)/.exec(conf)?.[1]);
    expect(setup.read('/etc/app/reloads')).toBe('reloaded\n');
  });

  it('leaves no secret in the folder of a step', async () => {
    await using setup = await setUp();
    const id = commandId();
    await setup.deploy('app', { id });
    expect(setup.read(`/var/lib/truffle/run/${id}-2/exit`)).toMatch(/^0\n/);
    expect(setup.read(`/var/lib/truffle/run/${id}-2/env`)).toBeUndefined();
  });

  it('run twice does its steps once, and a new command runs a notified step only after a change', async () => {
    await using setup = await setUp();
    const id = commandId();
    await setup.deploy('app', { id });
    const conf = setup.read('/etc/app/app.conf');
    expect((await setup.deploy('app', { id })).failure).toBeUndefined();
    expect(setup.read('/etc/app/runs')).toBe('run\n');
    expect((await setup.deploy('app')).failure).toBeUndefined();
    expect(setup.read('/etc/app/runs')).toBe('run\nrun\n');
    expect(setup.read('/etc/app/app.conf')).toBe(conf);
    expect(setup.read('/etc/app/reloads')).toBe('reloaded\n');
    expect((await setup.deploy('app', { greeting: 'goodbye' })).failure).toBeUndefined();
    expect(setup.read('/etc/app/reloads')).toBe('reloaded\nreloaded\n');
  });

  it('survives a crash at each point, and runs no step twice', async () => {
    await using setup = await setUp();
    let runs = 0;
    for (let crashAt = 1; ; crashAt++) {
      const id = commandId();
      let crashed = false;
      try {
        await setup.deploy('app', { id, crashAt });
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        crashed = true;
      }
      expect((await setup.deploy('app', { id })).failure).toBeUndefined();
      runs += 1;
      expect(setup.read('/etc/app/runs')).toBe('run\n'.repeat(runs));
      if (!crashed) break;
    }
    expect(runs).toBeGreaterThan(5);
  });

  it('names the step that failed, its exit status and the end of its log', async () => {
    await using setup = await setUp();
    const { failure } = await setup.deploy('broken');
    expect(failure).toMatchObject({ reason: 'STEP_FAILED', parameters: { step: 'fails', exitCode: '3' } });
    expect(failure?.logTail.slice(-2)).toEqual(['before', 'it broke']);
  });

  it('says what is unhealthy', async () => {
    await using setup = await setUp();
    const { failure } = await setup.deploy('sick');
    expect(failure).toMatchObject({ reason: 'UNHEALTHY', parameters: { check: 'tcp' } });
  });

  it('does not run a step again whose end is unknown and that is not idempotent', async () => {
    await using setup = await setUp();
    const id = commandId();
    const place = `/var/lib/truffle/run/${id}-1`;
    const disk = setup.fixture.simulator.cluster.guests.get(20001)?.disk;
    disk?.write(`${place}/boot_id`, Buffer.from('an earlier boot\n'));
    disk?.write(`${place}/log`, Buffer.from('half way\n'));
    const { failure } = await setup.deploy('once', { id });
    expect(failure).toMatchObject({ reason: 'STEP_UNKNOWN', logTail: ['half way'] });
    expect(setup.read('/root/once')).toBeUndefined();
  });

  it('refuses a secret that was sealed for another slot or is past its time', async () => {
    await using setup = await setUp();
    const moved = await sealToken(setup.fixture, { name: 'password' });
    expect((await setup.deploy('app', { token: moved })).failure?.reason).toBe('SECRET_NOT_OPENED');
    const late = await sealToken(setup.fixture, { notAfter: 1 });
    expect((await setup.deploy('app', { token: late })).failure?.reason).toBe('SECRET_EXPIRED');
    const foreign = await sealToken(setup.fixture, { tenant: 'org_other' });
    expect((await setup.deploy('app', { token: foreign })).failure?.reason).toBe('SECRET_NOT_OPENED');
  });

  it('goes back to no older version of a secret, and believes no number that was only made up', async () => {
    await using setup = await setUp();
    const [older, newer] = [
      await sealToken(setup.fixture, { version: 4 }),
      await sealToken(setup.fixture, { version: 5 }),
    ];
    expect((await setup.deploy('app', { token: older })).failure).toBeUndefined();
    // Raising the number on the way does not open, and so raises nothing.
    const raised = { ...older, version: 9 };
    expect((await setup.deploy('app', { token: raised })).failure?.reason).toBe('SECRET_NOT_OPENED');
    expect((await setup.deploy('app', { token: newer })).failure).toBeUndefined();
    const { failure } = await setup.deploy('app', { token: older });
    expect(failure).toMatchObject({ reason: 'SECRET_ROLLED_BACK', parameters: { parameter: 'token' } });
    expect((await setup.deploy('app', { token: newer })).failure).toBeUndefined();
    const relabelled = { ...older, version: 5 };
    expect((await setup.deploy('app', { token: relabelled })).failure?.reason).toBe('SECRET_NOT_OPENED');
  });

  it('refuses a guest whose host key is not the pinned one', async () => {
    await using setup = await setUp();
    await setup.deploy('broken');
    const guests = setup.fixture.simulator.cluster.guests;
    await setup.fixture.run(commandId(), ensureServer('other', 20002));
    const [one, other] = [guests.get(20001), guests.get(20002)];
    if (one !== undefined && other !== undefined) Object.assign(one, { hostKey: other.hostKey });
    expect((await setup.deploy('broken')).failure?.reason).toBe('GUEST_HOST_KEY_CHANGED');
  });
});
