import { createHash, createPrivateKey, sign } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getAgent } from './agent/agent.usecases.ts';
import { getRollout, listUpdates, setRollout } from './rollout/rollout.usecases.ts';
import { noContainer, type Container } from './testing/container.ts';
import { machineMs, startSiteMachine, type SiteMachine } from './testing/site-machine.fixture.ts';

// The installed agent becomes another version as the control plane says, on a machine with systemd of its own.

const missing = noContainer();
const endMs = 90_000;
const platform = `linux-${process.arch}`;

describe.skipIf(missing !== '')(`self-update${missing === '' ? '' : ` (SKIPPED: ${missing})`}`, () => {
  let site: SiteMachine;
  let container: Container;
  let releases: string;
  let agentId: string;
  let has = '0.1.0';

  beforeAll(async () => {
    site = await startSiteMachine(['0.2.0', '0.1.0']);
    ({ container, releases } = site);
    mkdirSync(container.path('/etc/truffle-agent'));
    const settings = ['CHECK_SECONDS=1', 'READY_SECONDS=8', 'STEADY_SECONDS=1'].map(
      (each) => `TRUFFLE_AGENT_UPDATE_${each}\n`,
    );
    writeFileSync(container.path('/etc/truffle-agent/local.env'), settings.join(''));
    const args = ['--server', site.origin.url, '--ca-file', '/root/ca.pem', ...(await site.joinAs('updated'))];
    const installed = await container.run(['sh', '-s', '--', ...args], {
      input: readFileSync(join(releases, 'install.sh'), 'utf8'),
    });
    expect(installed.code, installed.stderr).toBe(0);
    agentId = site.agentId();
  }, machineMs);
  afterAll(() => site?.close(), 60_000);

  /** A release whose program is a shell script of the test's, signed as all are. */
  function release(version: string, script: string, spoil: (packed: Buffer) => Buffer = (packed) => packed): void {
    const folder = join(releases, version);
    mkdirSync(folder, { recursive: true });
    const program = Buffer.from(`#!/bin/sh\n[ "$1" = version ] && echo ${version} && exit 0\n${script}\n`);
    const packed = gzipSync(program);
    const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    const text = `truffle-agent-release 1\nversion ${version}\nchannel stable\ndate 2026-11-28T00:00:00Z\nminimum 0.0.0\nartifact ${platform} ${digest(program)} ${program.length} ${digest(packed)} ${packed.length}\n`;
    const key = createPrivateKey(readFileSync(join(releases, 'release.key.pem'), 'utf8'));
    writeFileSync(join(folder, 'manifest'), text);
    writeFileSync(join(folder, 'manifest.sig'), sign(null, Buffer.from(text), key));
    writeFileSync(join(folder, `${platform}.gz`), spoil(packed));
  }
  const rollOut = async (version: string): Promise<void> => {
    const { row } = await getRollout(site.gateway.parts.database, site.world.orgId);
    const wanted = {
      version,
      percent: 100,
      paused: false,
      failureLimitPercent: 100,
      revision: BigInt(row?.revision ?? 0),
    };
    await setRollout(site.gateway.parts.database, site.world.caller, wanted);
  };
  const endingOf = (version: string) =>
    until(
      `the update to ${version} to be told`,
      async () => {
        const { rows } = await listUpdates(site.gateway.parts.database, site.world.orgId, undefined);
        return rows.find((row) => row.to_version === version);
      },
      endMs,
    );
  const current = (): string => readlinkSync(container.path('/usr/local/lib/truffle-agent/current'));
  const expectOnline = async (version: string): Promise<void> => {
    await until(
      `${version} online`,
      async () => {
        const { row } = await getAgent(site.gateway.parts, site.world.orgId, agentId);
        return row.state === 'ONLINE' && row.version === version;
      },
      endMs,
    );
    expect(current()).toBe(version);
    expect(existsSync(container.path('/var/lib/truffle-agent-update/trying'))).toBe(false);
  };

  it('is another version when that is wanted, with what it was', { timeout: 120_000 }, async () => {
    await rollOut('0.2.0');
    expect(await endingOf('0.2.0')).toMatchObject({ outcome: 'UPDATED', from_version: '0.1.0' });
    has = '0.2.0';
    await expectOnline(has);
  });

  it(
    'stays what it is when the new one crashes, hangs, or comes up without getting ready',
    { timeout: 300_000 },
    async () => {
      release('0.3.0', 'exit 1');
      release('0.3.2', 'exec sleep 1000');
      for (const version of ['0.3.0', '0.3.2']) {
        await rollOut(version);
        expect(await endingOf(version)).toMatchObject({ outcome: 'ROLLED_BACK' });
        await expectOnline(has);
      }
    },
  );

  it('does not take what is not signed, not whole, or not what it says', { timeout: 120_000 }, async () => {
    release('0.4.0', 'exit 1', (packed) => Buffer.concat([packed, Buffer.alloc(4)]));
    release('0.4.1', 'exit 1', (packed) => packed.subarray(0, 20));
    release('0.4.2', 'exit 1');
    writeFileSync(join(releases, '0.4.2', 'manifest.sig'), Buffer.alloc(64, 1));
    const words = { '0.4.0': 'more than the manifest says', '0.4.1': 'ended after 20 of', '0.4.2': 'not signed by' };
    for (const [version, said] of Object.entries(words)) {
      await rollOut(version);
      const log = async () =>
        (await container.run(['journalctl', '-u', 'truffle-agent', '-o', 'cat', '--no-pager'])).stdout;
      await until(`${version} to be refused`, async () => (await log()).includes(said), endMs);
      expect(current()).toBe(has);
    }
    // Root looks for itself, whatever the agent brought.
    for (const name of ['manifest', 'manifest.sig'])
      copyFileSync(join(releases, '0.4.2', name), container.path(`/var/lib/truffle-agent/update/${name}`));
    copyFileSync(join(releases, '0.4.2', `${platform}.gz`), container.path('/var/lib/truffle-agent/update/program.gz'));
    writeFileSync(container.path('/var/lib/truffle-agent/update/ask'), '0.4.2');
    await until('root to refuse', () => !existsSync(container.path('/var/lib/truffle-agent/update/ask')), endMs);
    expect(readFileSync(container.path('/var/lib/truffle-agent-update/record.json'), 'utf8')).toContain('not signed');
    await expectOnline(has);
  });

  it('ends well when the power goes at any step', { timeout: 300_000 }, async () => {
    const at: readonly [string, () => boolean][] = [
      ['0.5.1', () => existsSync(container.path('/usr/local/lib/truffle-agent/0.5.1'))],
      ['0.5.3', () => current() === '0.5.3'],
    ];
    for (const [version, reached] of at) {
      release(version, 'exit 1');
      await rollOut(version);
      await until(`${version} to be that far`, reached, endMs);
      await container.run(['systemctl', 'kill', '--signal=KILL', 'truffle-agent-update.service']);
      await container.run(['systemctl', 'kill', '--signal=KILL', 'truffle-agent.service']);
      const ending = await endingOf(version);
      expect(ending, ending.reason).toMatchObject({ outcome: 'ROLLED_BACK' });
      await expectOnline(has);
    }
  });
});
