// The templates that ship, on real guests: installed in the version before, upgraded, scaled by one and destroyed; what they promise is asked from outside.
import { lookup } from 'node:dns/promises';
import { readdirSync } from 'node:fs';
import { ensureImage, ownShop } from '@truffle/qemu/images';
import { whyNotHeavy } from '@truffle/testkit/guests';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildMs, guestMs, noGuests, openQemuFixture, type QemuFixture } from '../site/qemu.fixture.ts';
import { readCurated, RealCluster } from './curated.fixture.ts';

/** What a template is asked, and with how much of it. */
interface Proof {
  /** Why not in every run of the tests; undefined for those that are quick. */
  readonly skipped: string | undefined;
  readonly first: Readonly<Record<string, string | number>>;
  readonly scaled: Readonly<Record<string, string | number>>;
  /** Whether guests need a way out of this machine. */
  readonly internet?: boolean;
  /** Asks the cluster for what the template promises. */
  readonly ask: (cluster: RealCluster, servers: number) => Promise<void>;
}

const heavy = await whyNotHeavy();
const download = 'github.com';
const reachable = heavy === undefined && (await lookup(download).catch(() => undefined)) !== undefined;
const each = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);

const proofs: Readonly<Record<string, Proof>> = {
  vm: {
    skipped: undefined,
    first: { count: 1 },
    scaled: { count: 2, packages: 'haproxy iptables' },
    ask: async (cluster, servers) => {
      for (const at of each(servers)) {
        const name = `real-vm-${at}`;
        expect(await cluster.on(name, 'hostname; cat /etc/motd')).toMatch(new RegExp(`^${name}\n.*\n.*on ${name} of`));
        if (servers > 1) expect(await cluster.on(name, 'ls /usr/sbin/haproxy /usr/sbin/iptables')).toMatch(/./);
      }
    },
  },
  'static-site': {
    skipped: heavy,
    first: { webServers: 1, title: 'Real' },
    scaled: { webServers: 2, title: 'Real' },
    ask: async (cluster, servers) => {
      const asked = `for i in 1 2 3 4 5 6; do curl -sSf http://${cluster.addressOf('real-balancer-0')}/; done`;
      const pages = await cluster.on('real-web-0', asked);
      expect(pages.match(/<h1>Real<\/h1>/g)).toHaveLength(6);
      const answered = new Set(pages.match(/<footer>.*?<\/footer>/g));
      expect([...answered].toSorted()).toEqual(each(servers).map((at) => `<footer>real-web-${at}</footer>`));
    },
  },
  postgres: {
    skipped: heavy,
    first: { replicas: 1 },
    scaled: { replicas: 2 },
    ask: async (cluster, servers) => {
      const psql = (from: string, to: string, sql: string): Promise<string> =>
        cluster.on(
          from,
          `PGPASSWORD='${cluster.secret('password')}' psql -h ${cluster.addressOf(to)} -U app -d app -Atqc "${sql}"`,
        );
      const row = `written with ${servers}`;
      const write = `CREATE TABLE IF NOT EXISTS note (text text); INSERT INTO note VALUES ('${row}')`;
      await psql('real-replica-0', 'real-primary-0', write);
      for (const at of each(servers)) {
        const read = () => psql('real-primary-0', `real-replica-${at}`, 'SELECT text, pg_is_in_recovery() FROM note');
        await expect.poll(read, { timeout: 30_000 }).toContain(`${row}|t`);
      }
    },
  },
  'web-app': {
    skipped: heavy,
    first: { appServers: 1 },
    scaled: { appServers: 2 },
    ask: async (cluster, servers) => {
      const urls = each(servers).map((at) => `http://${cluster.addressOf(`real-app-${at}`)}/`);
      const entry = `signed with ${servers}`;
      await cluster.on('real-database-0', `curl -sSf --data-urlencode 'text=${entry}' ${urls.at(-1) ?? ''}`);
      for (const url of urls)
        expect(await cluster.on('real-database-0', `curl -sSf ${url}`)).toContain(`<li>${entry}</li>`);
    },
  },
  k3s: {
    skipped: heavy ?? (reachable ? undefined : `it downloads k3s from ${download}, which can't be reached`),
    first: { agents: 1 },
    scaled: { agents: 2 },
    internet: true,
    ask: async (cluster, servers) => {
      const kubectl = (args: string): Promise<string> => cluster.on('real-server-0', `k3s kubectl ${args}`);
      const ready = () => kubectl('get nodes --no-headers');
      await expect
        .poll(async () => (await ready()).match(/ Ready /g)?.length, { timeout: guestMs, interval: 2_000 })
        .toBe(servers + 1);
      const pod = `pod-${servers}`;
      await kubectl(`run ${pod} --image=rancher/mirrored-library-busybox:1.37.0 --restart=Never -- echo from a pod`);
      await expect
        .poll(() => kubectl(`logs ${pod} --ignore-errors || true`), { timeout: guestMs, interval: 2_000 })
        .toContain('from a pod');
    },
  },
};

it('each template that ships is here', () => {
  const shipped = readdirSync(new URL('../../../templates/', import.meta.url), { withFileTypes: true });
  expect(Object.keys(proofs).toSorted()).toEqual(
    shipped.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted(),
  );
});

describe.each(Object.entries(proofs))('%s', (name, { skipped, first, scaled, internet, ask }) => {
  const why = noGuests ?? skipped;
  describe.skipIf(why !== undefined)(`on real guests${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
    const { current, previous } = readCurated(name);
    let fixture: QemuFixture;
    let cluster: RealCluster;

    beforeAll(async () => {
      const image = await ensureImage('debian', ownShop);
      fixture = await openQemuFixture(
        { 'debian-12': image },
        `internet: ${internet === true ? 'on' : 'off'}\nwaits: { sshSeconds: 240, shutdownSeconds: 30 }\n`,
      );
      cluster = new RealCluster(fixture, 'real');
    }, buildMs);
    afterAll(async () => {
      await fixture?.[Symbol.asyncDispose]();
    });

    it(
      `is installed as ${previous.metadata.version}`,
      async () => {
        await cluster.be(previous, first);
        await ask(cluster, 1);
      },
      guestMs * 5,
    );

    it(
      `is upgraded to ${current.metadata.version}`,
      async () => {
        await cluster.be(current, first);
        await ask(cluster, 1);
      },
      guestMs * 5,
    );

    it(
      'is scaled by one',
      async () => {
        await cluster.be(current, scaled);
        await ask(cluster, 2);
      },
      guestMs * 5,
    );

    it(
      'is destroyed, and leaves nothing',
      async () => {
        await cluster.destroy();
        expect(readdirSync(fixture.machines)).toEqual([]);
      },
      guestMs,
    );
  });
});
