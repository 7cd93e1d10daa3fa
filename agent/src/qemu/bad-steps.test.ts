// Steps that go wrong on a real guest: each ends in a failure that names it, with what it printed last and what to do, and nothing of it is left.
import { readdirSync } from 'node:fs';
import { onGuest } from '@truffle/testkit/guests';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildMs, fastImage, guestMs, noGuests, openQemuFixture, type QemuFixture } from '../site/qemu.fixture.ts';
import { commandId, deleteServer, deploymentOf, ensureServer, templateOf } from '../site/site.fixture.ts';

const source = `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: bad, version: 1.0.0, title: Bad, summary: Steps that go wrong. }
servers: { one: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 8GiB } }
deployments:
  restarts:
    on: [one]
    steps:
      - name: restart
        run: |
          [ -f /root/seen ] && echo "the second time" && exit 0
          echo "the first time"
          touch /root/seen && sync
          reboot -f
          sleep 1000
  restarts-once:
    on: [one]
    steps: [{ name: once, run: "echo x >> /root/once; echo half way; sync; reboot -f; sleep 1000", idempotent: false }]
  hangs:
    on: [one]
    steps: [{ name: wait, run: "echo waiting; sleep 4321 & sleep 4321", timeout: 3s }]
  prints:
    on: [one]
    steps:
      - name: print
        run: |
          yes 'what a program says that is never done' | head -c 16777216 > /root/block
          for i in $(seq 64); do cat /root/block; done
          echo
          echo the end
          exit 7
  fills:
    on: [one]
    steps: [{ name: fill, run: "echo filling; cat /dev/zero > /root/fill" }]
  works:
    on: [one]
    steps: [{ name: work, run: "echo worked > /root/worked" }]
`;

const vmid = 20_001;

describe.skipIf(noGuests !== undefined)(
  `a step on a real guest${noGuests === undefined ? '' : ` (skipped: ${noGuests})`}`,
  () => {
    let fixture: QemuFixture;

    const onServer = (script: string): Promise<string> => onGuest(fixture.machines, server.name, script);
    const server = { name: 'one-1', role: 'one', index: 0, address: '10.99.0.11' };
    const deploy = (deployment: string) =>
      fixture.run(commandId(), deploymentOf(templateOf(source), { deployment, server }));

    beforeAll(async () => {
      const waits = 'waits: { sshSeconds: 240, shutdownSeconds: 10 }\n';
      fixture = await openQemuFixture({ 'debian-12': await fastImage() }, waits);
      const small = { memoryBytes: 128n * 2n ** 20n, diskBytes: 1024n * 2n ** 20n };
      const { failure } = await fixture.run(commandId(), ensureServer('one-1', vmid, small));
      expect(failure).toBeUndefined();
    }, buildMs);
    afterAll(async () => {
      await fixture?.[Symbol.asyncDispose]();
    });

    it(
      'that restarts its server runs again when it is idempotent, once it is back',
      async () => {
        const { failure, said } = await deploy('restarts');
        expect(failure).toBeUndefined();
        expect(said).toMatch(/the first time[^]*it is idempotent and runs again[^]*the second time/);
      },
      guestMs,
    );

    it(
      'that restarts its server is not run again when it is not idempotent',
      async () => {
        const { failure } = await deploy('restarts-once');
        expect(failure).toMatchObject({ reason: 'STEP_UNKNOWN', parameters: { step: 'once' }, logTail: ['half way'] });
        expect(failure?.remedy).toMatch(/./);
        expect(await onServer('cat /root/once')).toBe('x\n');
      },
      guestMs,
    );

    it(
      'that hangs is ended in its time, with all that it began',
      async () => {
        const { failure } = await deploy('hangs');
        expect(failure).toMatchObject({ reason: 'STEP_TIMEOUT', parameters: { step: 'wait' }, logTail: ['waiting'] });
        expect(failure?.remedy).toMatch(/./);
        expect(await onServer('ps | grep -c "[s]leep 4321" || true')).toBe('0\n');
      },
      guestMs,
    );

    it(
      'that prints a gigabyte ends with its last lines, and neither side keeps the others',
      async () => {
        const { failure, said } = await deploy('prints');
        expect(failure).toMatchObject({ reason: 'STEP_FAILED', parameters: { step: 'print', exitCode: '7' } });
        expect(failure?.logTail.at(-1)).toBe('the end');
        expect(said).toMatch(/bytes of the step's output were not kept/);
        expect(said.length).toBeLessThan(256 * 2 ** 20);
        expect(Number(await onServer('du -sk /var/lib/truffle/run | cut -f 1'))).toBeLessThan(64 * 1024);
      },
      guestMs * 2,
    );

    it(
      'that fills the disk is told as such, and the next works when there is room again',
      async () => {
        const { failure } = await deploy('fills');
        expect(failure).toMatchObject({ reason: 'STEP_FAILED', parameters: { step: 'fill' } });
        expect(failure?.logTail.join('\n')).toMatch(/^filling\n.*No space left on device/);
        expect(failure?.remedy).toContain('disk is full');
        await onServer('rm /root/fill; sync');
        expect((await deploy('works')).failure).toBeUndefined();
      },
      guestMs,
    );

    it(
      'leaves nothing when its server is removed',
      async () => {
        expect((await fixture.run(commandId(), deleteServer('one-1', vmid))).failure).toBeUndefined();
        expect(readdirSync(fixture.machines)).toEqual([]);
      },
      guestMs,
    );
  },
);
