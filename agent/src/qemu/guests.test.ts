// Real guests: what is deployed on them, who reaches whom, and what is told of those that fail.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { EnsureServer, ServerObserved } from '@truffle/api/agent/v1/command';
import { awaitBanner, findProcess, isSame, placesOf, withGuestAgent } from '@truffle/qemu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildMs, fastImage, guestMs, noGuests, openQemuFixture, type QemuFixture } from '../site/qemu.fixture.ts';
import { commandId, deleteServer, deploymentOf, ensureServer, templateOf } from '../site/site.fixture.ts';

const mib = 2n ** 20n;
const small = { memoryBytes: 128n * mib, diskBytes: 1024n * mib };

const source = `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: site, version: 1.0.0, title: Site, summary: A page and who passes it on. }
servers:
  web: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 8GiB }
  front: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 8GiB }
deployments:
  web:
    on: [web]
    files:
      - { path: /srv/site/index.html, content: "served by \${{ server.name }}\\n" }
      - path: /etc/systemd/system/web.service
        content: |
          [Service]
          ExecStart=/bin/httpd -f -p 80 -h /srv/site
    steps:
      - { name: start, run: "systemctl daemon-reload; systemctl enable --now web" }
    health: { http: { port: 80, path: /index.html }, timeout: 60s, interval: 200ms }
  front:
    on: [front]
    files:
      - { path: /srv/proxy, content: "#!/bin/sh\\nexec nc \${{ servers.web[0].address }} 80\\n", mode: "0755" }
      - { path: /srv/each, content: "while :; do nc -l -p 80 -e /srv/proxy; done\\n" }
      - path: /etc/systemd/system/proxy.service
        content: |
          [Service]
          ExecStart=/bin/sh /srv/each
    steps:
      - { name: start, run: "systemctl enable --now proxy" }
    health: { http: { port: 80, path: /index.html }, timeout: 60s, interval: 200ms }
`;

const addresses = { web: '10.99.0.11', front: '10.99.0.12' };
const serverAt = (role: 'web' | 'front') => ({ name: `${role}-1`, role, index: 0, address: addresses[role] });

const template = templateOf(source);

function deploy(fixture: QemuFixture, role: 'web' | 'front') {
  const servers = [serverAt('web'), serverAt('front')];
  return fixture.run(commandId(), deploymentOf(template, { deployment: role, server: serverAt(role), servers }));
}

/** The image again, as another file beside it says it. */
async function imageWith(change: object): Promise<string> {
  const file = await fastImage();
  const folder = mkdtempSync(join(dirname(dirname(file)), '.test-'));
  const image = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string | number>;
  for (const key of ['disk', 'kernel', 'initrd']) image[key] = join(dirname(file), String(image[key]));
  const path = join(folder, 'image.json');
  writeFileSync(path, JSON.stringify({ ...image, ...change }));
  return path;
}

describe.skipIf(noGuests !== undefined)(`real guests${noGuests === undefined ? '' : ` (skipped: ${noGuests})`}`, () => {
  let fixture: QemuFixture;
  const onGuest = (vmid: number, script: string) =>
    withGuestAgent(placesOf(join(fixture.machines, String(vmid))).agent, (agent) =>
      agent.run('/bin/sh', ['-c', script], AbortSignal.timeout(20_000)),
    );

  beforeAll(async () => {
    const waits = 'waits: { sshSeconds: 240, shutdownSeconds: 10, loginSeconds: 1 }\n';
    fixture = await openQemuFixture({ 'debian-12': await fastImage() }, waits);
  }, buildMs);
  afterAll(async () => {
    await fixture?.[Symbol.asyncDispose]();
  });

  it(
    'answer HTTP through one another: a page on one is passed on by the other',
    async () => {
      const both = [ensureServer('web-1', 20_001, small), ensureServer('front-1', 20_002, small)];
      const ends = await Promise.all(both.map((payload) => fixture.run(commandId(), payload)));
      expect(ends.map(({ failure }) => failure)).toEqual([undefined, undefined]);
      const seen = ends.map(({ end }) => (end.output?.output.value as ServerObserved | undefined)?.address);
      expect(seen).toEqual([addresses.web, addresses.front]);
      expect((await deploy(fixture, 'web')).failure).toBeUndefined();
      // Its health is asked by HTTP, and only the other one answers that.
      expect((await deploy(fixture, 'front')).failure).toBeUndefined();
      const asked = await onGuest(20_002, 'wget -q -O - http://127.0.0.1/index.html');
      expect(asked.stdout).toBe('served by web-1\n');
    },
    guestMs * 2,
  );

  it('reach nothing of this machine, and nothing beyond it', async () => {
    const { code } = await onGuest(20_001, 'wget -q -T 2 -O - http://10.0.2.2:22/ || nc -w 2 10.0.2.3 53 < /dev/null');
    expect(code).not.toBe(0);
  });

  it(
    'whose process is killed are started again, with what was on their disk',
    async () => {
      const folder = join(fixture.machines, '20001');
      await onGuest(20_001, 'sync');
      process.kill(findProcess(folder)?.pid ?? 0, 'SIGKILL');
      await expect.poll(() => findProcess(folder)).toBeUndefined();
      const server = ensureServer('web-1', 20_001, small).op.value as EnsureServer;
      const signal = AbortSignal.timeout(60_000);
      expect(await fixture.site.keep?.look(server, signal)).toEqual({ state: 'stopped' });
      await fixture.site.keep?.start(server, signal);
      const { failure } = await fixture.run(commandId(), ensureServer('web-1', 20_001, small));
      expect(failure).toBeUndefined();
      // The same host key as before, or this would be refused; and the page is there.
      expect((await deploy(fixture, 'web')).failure).toBeUndefined();
    },
    guestMs * 2,
  );

  it(
    'that refuse the key are told as such',
    async () => {
      await onGuest(20_002, 'mv /home/truffle/.ssh/authorized_keys /home/truffle/.ssh/kept');
      const { failure } = await deploy(fixture, 'front');
      expect(failure).toMatchObject({ reason: 'GUEST_LOGIN_REFUSED', remedy: expect.stringMatching(/./) });
      await onGuest(20_002, 'mv /home/truffle/.ssh/kept /home/truffle/.ssh/authorized_keys');
      expect((await deploy(fixture, 'front')).failure).toBeUndefined();
    },
    guestMs * 2,
  );

  it(
    'whose host key changes are not entered',
    async () => {
      await onGuest(
        20_002,
        'rm /etc/dropbear/host_key; dropbearkey -t ed25519 -f /etc/dropbear/host_key; killall dropbear',
      );
      await awaitBanner(join(fixture.machines, '20002'), AbortSignal.timeout(20_000));
      const { failure } = await deploy(fixture, 'front');
      expect(failure).toMatchObject({ reason: 'GUEST_HOST_KEY_CHANGED', cause: expect.stringMatching(/./) });
    },
    guestMs * 2,
  );

  it(
    'that never boot, or have no network, are told with what they printed last, and leave nothing',
    async () => {
      const { append } = JSON.parse(readFileSync(await fastImage(), 'utf8')) as { append: string };
      const dead = await imageWith({ append: `${append} rdinit=/bin/false` });
      // Its drivers of cards are never loaded.
      const lonely = await imageWith({ append: `${append} module_blacklist=virtio_net` });
      try {
        await using failing = await openQemuFixture(
          { dead, lonely },
          'waits: { sshSeconds: 30, shutdownSeconds: 1 }\n',
        );
        const [never, alone] = await Promise.all([
          failing.run(commandId(), ensureServer('dead', 20_003, { ...small, image: 'dead' })),
          failing.run(commandId(), ensureServer('lonely', 20_004, { ...small, image: 'lonely' })),
        ]);
        expect(never.failure).toMatchObject({
          reason: 'QEMU_GUEST_NOT_BOOTED',
          remedy: expect.stringMatching('sshSec'),
        });
        expect(never.failure?.logTail.join('\n')).toMatch(/panic/i);
        expect(alone.failure).toMatchObject({ reason: 'QEMU_GUEST_NO_NETWORK', remedy: expect.stringMatching(/./) });
        expect(alone.failure?.logTail.join('\n')).toMatch(/SSHD-UP/);
        for (const [name, vmid] of [
          ['dead', 20_003],
          ['lonely', 20_004],
        ] as const)
          expect((await failing.run(commandId(), deleteServer(name, vmid))).failure).toBeUndefined();
        expect(readdirSync(failing.machines)).toEqual([]);
      } finally {
        for (const file of [dead, lonely]) rmSync(dirname(file), { recursive: true, force: true });
      }
    },
    guestMs * 2,
  );

  it(
    'leave nothing when they are removed: no process, no file',
    async () => {
      const processes = readdirSync(fixture.machines).flatMap(
        (name) => findProcess(join(fixture.machines, name)) ?? [],
      );
      expect(processes).toHaveLength(2);
      for (const [name, vmid] of [
        ['web-1', 20_001],
        ['front-1', 20_002],
      ] as const)
        expect((await fixture.run(commandId(), deleteServer(name, vmid))).failure).toBeUndefined();
      expect(readdirSync(fixture.machines)).toEqual([]);
      expect(processes.filter(isSame)).toEqual([]);
      // The pins of both are forgotten.
      expect(readFileSync(join(fixture.dataFolder, 'guest_host_keys'), 'utf8')).toMatch(/srv_\S+ \nsrv_\S+ \n$/);
    },
    guestMs * 2,
  );
});
