import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PveClient } from '../pve/client.ts';
import { startChild } from '../testing/child.ts';
import type { Finding } from './finding.ts';
import { commandId, ensureServer, type Fixture, openFixture } from './site.fixture.ts';
import { reportSite } from './site.ts';

const program = fileURLToPath(new URL('../main.ts', import.meta.url));
const everything = 'isoStorage: shared\nimportStorage: shared\nha: {}\n';

const findingsOf = async ({ configFile }: Fixture): Promise<readonly Finding[]> =>
  (await reportSite(configFile, dirname(configFile))).findings;

/** Takes all that the token has. */
function strip({ simulator }: Fixture): void {
  simulator.cluster.access.acl.length = 0;
}

/** Types what the preflight says, as root does, by the API that `pveum` speaks. */
async function type({ simulator }: Fixture, commands: readonly string[]): Promise<void> {
  const { url, caFile } = simulator.info;
  const root = simulator.cluster.access.users['root@pam'];
  if (root !== undefined) root.tokens = { test: { secret: 'known', privsep: false, expire: 0 } };
  const connection = { urls: [url], nodes: {}, tokenId: 'root@pam!test', tokenSecret: 'known' };
  const client = new PveClient({ ...connection, ca: readFileSync(caFile, 'utf8') });
  const signal = AbortSignal.timeout(10_000);
  for (const command of commands) {
    const role = /^pveum role (add|modify) (\S+) --privs "([^"]+)"$/.exec(command);
    const acl = /^pveum acl modify (\S+) --(users|tokens) '([^']+)' --roles (\S+)$/.exec(command);
    const [, verb = '', roleid = '', privs = ''] = role ?? [];
    const [, path = '', who = '', name = '', roles = ''] = acl ?? [];
    if (verb === 'add') await client.post('/access/roles', { roleid, privs }, { signal });
    else if (verb === 'modify') await client.put(`/access/roles/${roleid}`, { privs }, { signal });
    else await client.put('/access/acl', { path, [who]: name, roles }, { signal });
  }
  client.close();
}

describe('the preflight', () => {
  it('finds nothing on a site that is ready', async () => {
    await using fixture = await openFixture();
    expect(await findingsOf(fixture)).toEqual([]);
  });

  it('names each missing privilege by path, with commands that make the site ready', async () => {
    await using fixture = await openFixture({}, everything);
    strip(fixture);
    for (let round = 1; round <= 3; round++) {
      const found = await findingsOf(fixture);
      await type(
        fixture,
        found.filter((each) => each.kind === 'privilege').flatMap((each) => each.commands),
      );
      if (round > 1) continue;
      expect(found.find((each) => each.subject === '/pool/truffle')?.missing).toContain('VM.GuestAgent.Audit');
      const paths = found.filter((each) => each.kind === 'privilege').map((each) => each.subject);
      expect(paths.toSorted()).toEqual(
        [
          '/',
          '/nodes',
          '/pool/truffle',
          '/sdn/zones/localnetwork/vmbr0',
          '/storage/shared',
          '/vms/9000',
          '/vms/9001',
        ].toSorted(),
      );
    }
    expect(await findingsOf(fixture)).toEqual([]);
    const { failure } = await fixture.run(commandId(), ensureServer('web', 20001, { highAvailability: true }));
    expect(failure).toBeUndefined();
  });

  it('changes a role that is there instead of adding it', async () => {
    await using fixture = await openFixture();
    const { access } = fixture.simulator.cluster;
    access.roles['Truffle-pool-truffle'] = ['VM.Audit'];
    access.roles['TruffleAgent'] = (access.roles['TruffleAgent'] ?? []).filter((each) => each !== 'VM.PowerMgmt');
    const [found] = await findingsOf(fixture);
    expect(found).toMatchObject({ subject: '/pool/truffle', missing: ['VM.PowerMgmt'] });
    expect(found?.commands[0]).toMatch(/^pveum role modify Truffle-pool-truffle --privs "VM\.Allocate VM\.Audit /);
  });

  it('asks for what the version calls it: VM.Monitor before 9, VM.GuestAgent.Audit since', async () => {
    for (const [version, wanted, other] of [
      ['8.4.14', 'VM.Monitor', 'VM.GuestAgent.Audit'],
      ['9.1.2', 'VM.GuestAgent.Audit', 'VM.Monitor'],
    ] as const) {
      await using fixture = await openFixture({ version });
      strip(fixture);
      const found = (await findingsOf(fixture)).find((each) => each.subject === '/pool/truffle');
      expect(found?.missing).toContain(wanted);
      expect(JSON.stringify(found)).not.toContain(other);
    }
  });

  it('says which storage lacks a kind of content, and the command that adds it', async () => {
    await using fixture = await openFixture({}, 'isoStorage: local-lvm\nstorages: [gone]\n');
    const storages = (await findingsOf(fixture)).filter((each) => each.kind === 'storage');
    expect(storages.map((each) => each.subject)).toEqual(['gone', 'local-lvm']);
    expect(storages[1]?.commands).toEqual(['pvesm set local-lvm --content images,rootdir,iso']);
  });

  it('finds foreign guests on numbers of the range, and images that only root can clone', async () => {
    await using fixture = await openFixture();
    const { vms } = fixture.simulator.cluster;
    await fixture.run(commandId(), ensureServer('ours', 20001));
    const template = vms.get(9000);
    if (template === undefined) throw new Error('there is no image');
    vms.set(20_777, { ...structuredClone(template), vmid: 20_777, config: { name: 'theirs' } });
    fixture.simulator.cluster.access.acl.push(
      { path: '/vms/20777', type: 'token', ugid: 'truffle@pve!agent', roleid: 'TruffleAgent', propagate: true },
      { path: '/vms/20777', type: 'user', ugid: 'truffle@pve', roleid: 'TruffleAgent', propagate: true },
    );
    template.config['hostpci0'] = '0000:01:00.0';
    const found = await findingsOf(fixture);
    expect(found.map((each) => each.kind)).toEqual(['image', 'vmids']);
    expect(found[0]?.commands).toEqual(['qm set 9000 --delete hostpci0']);
    expect(found[1]?.problem).toContain('20777 on pve1');
    expect(found[1]?.problem).not.toContain('20001');
  });

  it('says when a node’s certificate is pinned in place of the authority', async () => {
    await using fixture = await openFixture();
    const { url } = fixture.simulator.info;
    const leaf = await new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false }, () => {
        const { raw } = socket.getPeerCertificate();
        socket.destroy();
        resolve(`-----BEGIN CERTIFICATE-----\n${raw.toString('base64')}\n-----END CERTIFICATE-----\n`);
      });
      socket.once('error', reject);
    });
    const pinned = join(dirname(fixture.configFile), 'leaf.pem');
    writeFileSync(pinned, leaf);
    const text = readFileSync(fixture.configFile, 'utf8').replace(/^caFile: .*$/m, `caFile: ${pinned}`);
    writeFileSync(fixture.configFile, text);
    expect((await findingsOf(fixture))[0]).toMatchObject({ subject: 'caFile', kind: 'reach' });
    writeFileSync(pinned, 'nothing');
    await expect(findingsOf(fixture)).rejects.toThrow('caFile must hold a certificate');
  });

  it('says that groups of high availability went with version 9', async () => {
    await using fixture = await openFixture({}, 'ha: { group: fast }\n');
    expect((await findingsOf(fixture)).map((each) => each.kind)).toContain('ha');
  });
});

describe('truffle-agent preflight', () => {
  const preflight = ({ configFile }: Fixture, ...args: string[]) =>
    startChild([program, 'preflight', '--config', configFile, '--data-dir', dirname(configFile), ...args]);

  it('ends with 0 when the site is ready and with 1 when it is not, without an identity', async () => {
    await using fixture = await openFixture();
    const good = preflight(fixture);
    expect(await good.ended).toBe(0);
    expect(good.stdout()).toBe('127.0.0.1: Proxmox VE 9.2.11: ready\n');
    strip(fixture);
    const bad = preflight(fixture);
    expect(await bad.ended).toBe(1);
    expect(bad.stdout()).toContain(
      "      pveum acl modify /pool/truffle --tokens 'truffle@pve!agent' --roles Truffle-pool-truffle",
    );
    const json = preflight(fixture, '--output', 'json');
    expect(await json.ended).toBe(1);
    const report = JSON.parse(json.stdout()) as { ready: boolean; findings: Finding[] };
    expect(report.ready).toBe(false);
    expect(report.findings[0]?.missing.length).toBeGreaterThan(0);
    expect(json.stdout() + bad.stdout()).not.toContain(fixture.simulator.info.tokenSecret);
  });

  it('tells a site that can’t be reached, and a CA that is not the site’s', async () => {
    await using fixture = await openFixture();
    await using other = await openFixture();
    const foreign = other.configFile;
    const text = readFileSync(foreign, 'utf8').replace(/^url: .*$/m, `url: ${fixture.simulator.info.url}`);
    writeFileSync(foreign, text);
    const report = await reportSite(foreign, dirname(foreign));
    expect(report.findings[0]).toMatchObject({ kind: 'reach', remedy: expect.stringContaining('pve-root-ca.pem') });
    writeFileSync(foreign, text.replace(/^url: .*$/m, 'url: https://127.0.0.1:9'));
    expect((await reportSite(foreign, dirname(foreign))).findings[0]?.remedy).toContain('8006');
  });

  it('refuses a command line without a config: exit code 2', async () => {
    expect(await startChild([program, 'preflight']).ended).toBe(2);
  });
});
