/**
 * Real guests: a server from nothing to SSH and a deployment to healthy, by the agent's QEMU driver and by a bare script that makes the same disk,
 * starts the same QEMU and runs the same commands over OpenSSH. Usage: node bench/guests.ts [--image fast|debian-lite|debian] [--runs N]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { CommandPayload } from '@truffle/api/agent/v1/command';
import { chooseAccel, cutPower, findQemu, reachCard, readImage, seedImage } from '@truffle/qemu';
import { ensureImage, imageNames, ownShop } from '@truffle/qemu/images';
import { freePort } from '@truffle/testkit/free-port';
import { openQemuFixture, type QemuFixture } from '../agent/src/site/qemu.fixture.ts';
import { commandId, deleteServer, deploymentOf, ensureServer, templateOf } from '../agent/src/site/site.fixture.ts';
import { greets } from '../packages/qemu/src/machine/banner.ts';
import { commandLine } from '../packages/qemu/src/machine/command-line.ts';
import { median } from './quantile.ts';
import { noise } from './stack.ts';

const { values } = parseArgs({
  options: { image: { type: 'string', default: 'fast' }, runs: { type: 'string', default: '5' } },
});
const imageName = imageNames.find((name) => name === values.image);
if (imageName === undefined) throw new Error(`--image wants one of ${imageNames.join(', ')}`);
const runs = Number(values.runs);
const imageFile = await ensureImage(imageName, ownShop);
const memoryMib = imageName === 'fast' ? 128 : 512;
const diskBytes = 4n * 2n ** 30n;
/** What both do once the guest is up: a web server from its package and a look at its page; where there is no apt, some work and a look at a file. */
const [step, look] =
  imageName === 'fast'
    ? [
        'mkdir -p /srv/bench && echo hello > /srv/bench/page && i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done',
        'test -f /srv/bench/page',
      ]
    : [
        'export DEBIAN_FRONTEND=noninteractive; apt-get update -q && apt-get install -q -y --no-install-recommends nginx',
        'curl -sSf http://127.0.0.1/',
      ];
const template = templateOf(`
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: bench, version: 1.0.0, title: Bench, summary: One step and a check. }
servers: { one: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 8GiB } }
deployments:
  one:
    on: [one]
    steps: [{ name: step, run: ${JSON.stringify(step)} }]
    health: { exec: ${JSON.stringify(look)}, timeout: 30s, interval: 200ms }
`);

const greetMs = 2_000;
const bootMs = 300_000;

/** Seconds to SSH, and from there to healthy. */
interface Seconds {
  readonly boot: number;
  readonly deploy: number;
}

const since = (at: number): number => (performance.now() - at) / 1_000;

async function byDriver(fixture: QemuFixture): Promise<Seconds> {
  const vmid = 20_001;
  const run = async (payload: CommandPayload): Promise<void> => {
    const { failure } = await fixture.run(commandId(), payload);
    if (failure !== undefined) throw new Error(`${failure.reason} ${failure.message} ${failure.logTail.join('\n')}`);
  };
  const began = performance.now();
  await run(ensureServer('bench', vmid, { memoryBytes: BigInt(memoryMib) * 2n ** 20n, diskBytes }));
  const boot = since(began);
  const then = performance.now();
  await run(
    deploymentOf(template, {
      deployment: 'one',
      server: { name: 'bench', role: 'one', index: 0, address: '10.99.0.11' },
    }),
  );
  const deploy = since(then);
  await run(deleteServer('bench', vmid));
  return { boot, deploy };
}

async function byScript(): Promise<Seconds> {
  const home = mkdtempSync(join(tmpdir(), 'truffle-bare-'));
  try {
    const key = join(home, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const image = readImage(imageFile);
    const { accel } = await chooseAccel(findQemu(), home);
    const sshPort = await freePort();
    const spec = { name: 'bare', uuid: '00000000-0000-4000-8000-000000000001', cpu: 1, memoryMib, cards: [] };
    const record = { spec: { ...spec, internet: false, boot: image.boot }, labels: {} };
    const began = performance.now();
    const disk = ['-f', 'qcow2', '-F', 'qcow2', '-b', image.disk, join(home, 'disk.qcow2'), String(diskBytes)];
    execFileSync(findQemu().img, ['create', '-q', ...disk]);
    const { mac, address } = reachCard;
    const keys = [readFileSync(`${key}.pub`, 'utf8').trim()];
    const who = { instanceId: 'bare', hostname: 'bare', user: 'truffle', keys, cards: [{ mac, address }] };
    writeFileSync(join(home, 'seed.iso'), seedImage(who));
    execFileSync(findQemu().system, commandLine(home, record, { accel, sshPort }));
    while (!(await greets(sshPort, greetMs, AbortSignal.timeout(bootMs)))) await delay(50);
    const boot = since(began);
    const then = performance.now();
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const ssh = ['-i', key, ...options.flatMap((option) => ['-o', option]), '-p', String(sshPort), 'truffle@127.0.0.1'];
    for (const script of [step, look])
      if (spawnSync('ssh', [...ssh, 'sudo -n sh -s'], { input: script }).status !== 0)
        throw new Error('the bare script failed');
    return { boot, deploy: since(then) };
  } finally {
    await cutPower(home);
    rmSync(home, { recursive: true, force: true });
  }
}

console.log(`noise of the machine: ${noise()}; image ${imageName}; medians of ${runs}`);
const driver: Seconds[] = [];
const bare: Seconds[] = [];
await using fixture = await openQemuFixture({ 'debian-12': imageFile }, 'waits: { shutdownSeconds: 1 }\n');
for (let at = 0; at < runs; at++) {
  bare.push(await byScript());
  driver.push(await byDriver(fixture));
}
console.log('what            | bare script, s | driver, s | ratio');
for (const [part, what] of [
  ['boot', 'nothing to SSH'],
  ['deploy', 'SSH to healthy'],
] as const) {
  const [b, d] = [median(bare.map((each) => each[part])), median(driver.map((each) => each[part]))];
  console.log(
    `${what.padEnd(15)} | ${b.toFixed(2).padStart(14)} | ${d.toFixed(2).padStart(9)} | ${(d / b).toFixed(2)}x`,
  );
}
