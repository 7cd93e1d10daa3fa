import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { artifactFor, parseManifest, type Manifest } from '../release/manifest.ts';
import { arm64 } from './emulator.fixture.ts';
import { readPortableExecutable } from './portable-executable.fixture.ts';

// A release as it is made for every platform: what of it can be run here is run, and the rest is looked at.

const agentFolder = resolve(import.meta.dirname, '../..');
const version = '0.2.0';
const buildMs = 600_000;
const run = promisify(execFile);
/** Node's mark for whether a program is in it. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1';
/** What begins the program that is in it (node_sea.cc). */
const blobBegins = 0x0143_da20;

/** A hypervisor at which nothing answers. */
const siteText = `driver: pve
url: https://127.0.0.1:1
tokenId: a@pve!b
tokenSecretFile: token
caFile: ca.pem
pool: truffle
vmids: 20000-20001
storage: a
images: { debian-12: { vmid: 9000 } }
networks: { lan: { bridge: vmbr0 } }
sshUser: truffle
`;

let folder: string;
let manifest: Manifest;
let said: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'truffle-release-'));
  const args = ['--out', folder, '--key', join(folder, 'key.pem'), '--make-key', '--quick', '--version', version];
  ({ stderr: said } = await run(process.execPath, [join(agentFolder, 'release.ts'), ...args], { timeout: buildMs }));
  manifest = parseManifest(readFileSync(join(folder, 'manifest'), 'utf8'));
}, buildMs);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The program as the manifest names it; the test is skipped, and says why, where the release had to leave it out. */
function released({ skip }: TestContext, platform: string): Buffer {
  const artifact = artifactFor(manifest, platform);
  if (artifact === undefined) return skip(said.split('\n').find((line) => line.startsWith(platform)) ?? 'left out');
  const bytes = gunzipSync(readFileSync(join(folder, version, `${platform}.gz`)));
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(artifact.sha256);
  return bytes;
}

test('each platform is in the manifest, or said to be left out', () => {
  for (const platform of ['linux-x64', 'linux-arm64', 'win-x64'])
    if (artifactFor(manifest, platform) === undefined)
      expect(said).toMatch(new RegExp(`^${platform}: LEFT OUT: .+`, 'm'));
  expect(artifactFor(manifest, `linux-${process.arch}`)).toBeDefined();
  expect(manifest.version).toBe(version);
});

const emulator = arm64();
const missing = 'missing' in emulator ? emulator.missing : '';
describe.skipIf(missing !== '')(`linux-arm64${missing === '' ? '' : ` (SKIPPED: ${missing})`}`, () => {
  test('runs, and loads most of what is in it', { timeout: 300_000 }, async (context) => {
    const path = join(folder, 'truffle-agent');
    writeFileSync(path, released(context, 'linux-arm64'));
    chmodSync(path, 0o755);
    const [command = '', ...before] = 'missing' in emulator ? [] : [...emulator.command, path];
    const agent = (args: readonly string[]) =>
      run(command, [...before, ...args], { maxBuffer: 16 * 1024 * 1024, timeout: 120_000, env: { PATH: '/nowhere' } });
    expect((await agent(['version'])).stdout.trim()).toBe(version);
    expect((await agent(['licenses'])).stdout).toContain(`Node.js ${process.versions.node}`);
    expect((await agent(['status', '--data-dir', folder])).stdout).toContain('not enrolled');
    const doctor = (await agent(['doctor', '--json', '--data-dir', folder]).catch((error: unknown) => error)) as {
      readonly stdout: string;
    };
    const { checks } = JSON.parse(doctor.stdout) as { checks: readonly { name: string; state: string }[] };
    expect(checks).toContainEqual(expect.objectContaining({ name: 'identity', state: 'failed' }));
    // Drivers, SSH and templates are behind this.
    const site = join(folder, 'site.yaml');
    writeFileSync(join(folder, 'ca.pem'), rootCertificates[0] ?? '');
    writeFileSync(join(folder, 'token'), 'secret', { mode: 0o600 });
    writeFileSync(site, siteText);
    const looking = ['preflight', '--config', site, '--data-dir', folder, '--output', 'json'];
    await expect(agent(looking)).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('ECONNREFUSED') as string,
    });
  });
});

test('win-x64 is a program for Windows with this version in it', (context) => {
  const bytes = released(context, 'win-x64');
  const program = readPortableExecutable(bytes);
  expect(program).toMatchObject({ machine: 0x8664, magic: 0x20b, subsystem: 3 });
  expect(bytes.includes(fuse)).toBe(true);
  const blob = program.resource('NODE_SEA_BLOB');
  expect(blob?.readUInt32LE(0)).toBe(blobBegins);
  for (const part of ['truffle-agent.mjs', 'registerHooks', version, '--max-semi-space-size=1'])
    expect(blob?.includes(part), part).toBe(true);
});
