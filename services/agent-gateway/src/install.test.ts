import { appendFileSync, copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@truffle/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { getAgent } from './agent/agent.usecases.ts';
import { noContainer, type Container, type Outcome } from './testing/container.ts';
import { makeRelease } from './testing/release.ts';
import { machineMs, startSiteMachine, type SiteMachine } from './testing/site-machine.fixture.ts';

// The install script as it is served, on a machine with systemd of its own that reaches the control plane over a link.

const missing = noContainer();
const now = '0.1.0';
const later = '0.2.0';

describe.skipIf(missing !== '')(`install.sh${missing === '' ? '' : ` (SKIPPED: ${missing})`}`, () => {
  let site: SiteMachine;
  let container: Container;
  let before: readonly string[];

  beforeAll(async () => {
    site = await startSiteMachine([now]);
    ({ container } = site);
    before = container.changed();
  }, machineMs);
  afterAll(() => site?.close(), 60_000);

  /** As a person does: fetched and piped into a shell. */
  const install = async (args: readonly string[] = [], more: { readonly killAt?: string } = {}): Promise<Outcome> => {
    const fetched = await container.run(['curl', '-fsSL', '--cacert', '/root/ca.pem', `${site.origin.url}/install.sh`]);
    expect(fetched.code, fetched.stderr).toBe(0);
    return container.run(['sh', '-s', '--', '--server', site.origin.url, '--ca-file', '/root/ca.pem', ...args], {
      input: fetched.stdout,
      ...more,
    });
  };
  const show = async (property: string): Promise<string> =>
    (await container.run(['systemctl', 'show', 'truffle-agent', '-p', property, '--value'])).stdout.trim();
  const uninstall = async (): Promise<void> => {
    const gone = await container.run(['truffle-agent', 'uninstall', '--yes']);
    expect(gone.code, gone.stderr).toBe(0);
  };

  describe('on a machine that has none', () => {
    beforeEach(() => expect(existsSync(container.path('/etc/truffle-agent'))).toBe(false));

    it(
      'makes an agent that is ready, unprivileged and closed in; again changes nothing; removed leaves nothing',
      { timeout: 120_000 },
      async () => {
        const first = await install(await site.joinAs('first'));
        expect(first, first.stderr).toMatchObject({ code: 0 });
        expect(first.stdout).toMatch(
          /signature checked[\s\S]*checksum checked[\s\S]*enrolled as agt_[\s\S]*ready: connected/,
        );
        const { gateway, world, agentId } = site;
        await until(
          'the gateway to have it',
          async () => (await getAgent(gateway.parts, world.orgId, agentId())).row.state === 'ONLINE',
        );

        const pid = await show('MainPID');
        expect(readFileSync(container.path('/etc/passwd'), 'utf8')).toMatch(/^truffle-agent:.*nologin$/m);
        const { stdout: own } = await container.run(['cat', `/proc/${pid}/status`]);
        expect(own).toMatch(/^Uid:\t(?!0\t)/m);
        expect(own).toMatch(/^CapEff:\t0+$/m);
        expect(own).toMatch(/^CapBnd:\t0+$/m);
        expect(own).toMatch(/^NoNewPrivs:\t1$/m);
        expect(own).toMatch(/^Seccomp:\t2$/m);
        expect(statSync(container.path('/var/lib/truffle-agent')).mode & 0o777).toBe(0o700);
        expect(statSync(container.path('/etc/truffle-agent/policy.yaml'))).toMatchObject({ uid: 0, gid: 0 });
        // Tenths of what systemd reckons that a unit is open to, of 100.
        for (const [unit, most] of Object.entries({ 'truffle-agent': 15, 'truffle-agent-update': 25 })) {
          const exposed = await container.run([
            'systemd-analyze',
            'security',
            `--threshold=${most}`,
            `${unit}.service`,
          ]);
          expect(exposed.code, exposed.stdout).toBe(0);
        }
        const { stdout: policy } = await container.run(['truffle-agent', 'policy', 'check']);
        expect(policy).not.toBe('');

        const again = await install();
        expect(again, again.stderr).toMatchObject({ code: 0 });
        expect(again.stdout).not.toMatch(/^ {2}ok {4}(?!release|ready)/m);
        expect(await show('MainPID')).toBe(pid);

        const doctor = await container.run(['truffle-agent', 'doctor', '--json']);
        const { healthy, checks } = JSON.parse(doctor.stdout) as {
          healthy: boolean;
          checks: { name: string; state: string }[];
        };
        expect(checks.filter(({ state }) => state === 'failed')).toEqual([]);
        expect(healthy).toBe(true);
        expect(
          checks
            .filter(({ name }) => name === 'unit' || name === 'release' || name === 'policy')
            .map(({ state }) => state),
        ).toEqual(['ok', 'ok', 'ok']);

        await uninstall();
        expect(container.changed()).toEqual(before);
        expect((await container.run(['id', 'truffle-agent'])).code).not.toBe(0);
        expect((await container.run(['systemctl', 'cat', 'truffle-agent'])).code).not.toBe(0);
      },
    );

    it('is mended by a rerun wherever it was interrupted', { timeout: 240_000 }, async () => {
      for (const killAt of ['ok    program', 'ok    settings', 'ok    unit', 'started']) {
        const args = await site.joinAs(`cut-${killAt.replace(/\W+/g, '-')}`);
        const cut = await install(args, { killAt });
        expect(cut.code, killAt).not.toBe(0);
        const mended = await install(args);
        expect(mended, `${killAt}: ${mended.stderr}`).toMatchObject({ code: 0 });
        await uninstall();
        expect(container.changed(), killAt).toEqual(before);
      }
    });

    it('refuses what is not right, and says what to do', { timeout: 120_000 }, async () => {
      const wrong = async (args: readonly string[]): Promise<string> => {
        const outcome = await install(args);
        expect(outcome.code).not.toBe(0);
        expect(existsSync(container.path('/usr/local/lib/truffle-agent/current'))).toBe(false);
        return outcome.stderr;
      };
      expect(await wrong(['--server', 'http://truffle.example.com'])).toContain('not https');
      expect(await wrong(['--version', '9.9.9'])).toMatch(/no such release/);
      expect(await wrong(['--bogus'])).toContain('unknown: --bogus');
      const unknownCa = await container.run(['sh', '-s', '--', '--server', site.origin.url], {
        input: readFileSync(join(site.releases, 'install.sh'), 'utf8'),
      });
      expect(unknownCa.stderr).toMatch(/not trusted.*--ca-file/);

      const path = join(site.releases, 'manifest');
      copyFileSync(path, `${path}.good`);
      appendFileSync(path, 'artifact linux-x64 00 1 00 1\n');
      expect(await wrong([])).toContain('not signed');
      copyFileSync(`${path}.good`, path);
      const packed = join(site.releases, now, `linux-${process.arch}.gz`);
      copyFileSync(packed, `${packed}.good`);
      appendFileSync(packed, 'x');
      expect(await wrong([])).toContain('not what the manifest names');
      copyFileSync(`${packed}.good`, packed);
      const fresh = await wrong([]);
      expect(fresh).toContain('there is no join token');
      writeFileSync(container.path('/root/used'), 'tfj_used', { mode: 0o600 });
      expect(await wrong(['--token-file', '/root/used'])).toContain('could not enrol');
      const hide = [
        'sh',
        '-c',
        'mount --bind /dev/null "$(ldconfig -p | sed -n "s/.*libatomic.so.1 .*=> //p" | head -n 1)"',
      ];
      expect(await container.run(hide)).toMatchObject({ code: 0 });
      expect(await wrong([])).toMatch(/does not run here.*\n.*install libatomic1/);
      await container.run(['sh', '-c', 'umount "$(ldconfig -p | sed -n "s/.*libatomic.so.1 .*=> //p" | head -n 1)"']);
      await uninstallFromScript();
    });
  });

  const uninstallFromScript = async (): Promise<void> => {
    const script = readFileSync(join(site.releases, 'install.sh'), 'utf8');
    const asked = await container.run(['setsid', 'sh', '-s', '--', '--uninstall'], { input: script });
    // With an identity and nobody to ask nothing is destroyed; without one there is nothing to ask about.
    expect([0, 2]).toContain(asked.code);
    expect((await container.run(['sh', '-s', '--', '--uninstall', '--yes'], { input: script })).code).toBe(0);
    expect(container.changed()).toEqual(before);
  };

  it('upgrades, and goes back only when told', { timeout: 240_000 }, async () => {
    expect(await install(await site.joinAs('upgraded'))).toMatchObject({ code: 0 });
    await makeRelease(site.releases, later);
    const upgraded = await install();
    expect(upgraded, upgraded.stderr).toMatchObject({ code: 0 });
    expect((await container.run(['truffle-agent', 'version'])).stdout.trim()).toBe(later);
    const back = await install(['--version', now]);
    expect(back.stderr).toContain('--allow-downgrade');
    expect(await install(['--version', now, '--allow-downgrade'])).toMatchObject({ code: 0 });
    expect((await container.run(['truffle-agent', 'version'])).stdout.trim()).toBe(now);
    await uninstallFromScript();
  });
});
