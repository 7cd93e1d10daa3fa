import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureBinaries } from './binaries.ts';
import { EngineUnavailableError, type BinarySources, type EngineRelease } from './engine-release.ts';
import { installedName } from './go-build.ts';
import { ChecksumError, sumOf } from './vendor-archive.ts';

const release: EngineRelease = {
  name: 'widget',
  version: '1.2.3',
  programs: {
    server: { file: 'widget-server', versionArgs: ['--version'], goPackage: 'example.test/widget/v2@v1.2.3' },
  },
  accepts: (version) => version.startsWith('1.2.'),
  archive: () => ({ path: '/v1.2.3/widget.tar.gz', sums: '/v1.2.3/SUMS' }),
  buildTime: 'no time',
};

const script = (version: string): string => `#!/bin/sh\necho "widget version ${version}"\n`;

describe('ensureBinaries', () => {
  let folder: string;
  let server: Server;
  let sums: string | undefined;
  const said: string[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'binaries-'));
    said.length = 0;
    const archive = packed();
    sums = `${createHash('sha256').update(archive).digest('hex')}  widget.tar.gz\n`;
    server = createServer((request, response) => {
      if (request.url?.endsWith('SUMS') && sums !== undefined) response.end(sums);
      else if (request.url?.endsWith('.tar.gz')) response.end(archive);
      else response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterEach(async () => {
    await new Promise((done) => server.close(done));
    rmSync(folder, { recursive: true });
  });

  function put(version: string, ...path: string[]): string {
    const file = join(folder, ...path, 'widget-server');
    mkdirSync(join(folder, ...path), { recursive: true });
    writeFileSync(file, script(version));
    chmodSync(file, 0o755);
    return file;
  }

  function packed(): Buffer {
    put('1.2.3', 'packing', 'widget-1.2.3');
    return execFileSync('tar', ['-czf', '-', '-C', join(folder, 'packing'), 'widget-1.2.3']);
  }

  /** With the shell that runs the scripts, and no Go. */
  const sources = (): BinarySources => ({
    cacheFolder: join(folder, 'cache'),
    path: join(folder, 'bin'),
    releasesUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    say: (line) => said.push(line),
    signal: new AbortController().signal,
  });

  test('takes a program of the right version from PATH first', async () => {
    put('1.2.3', 'cache', 'engines', 'widget-1.2.3');
    const file = put('1.2.9', 'bin');
    expect(await ensureBinaries(release, sources())).toEqual({ server: file });
  });

  test('passes over a wrong version on PATH, to the cache', async () => {
    put('1.1.0', 'bin');
    const file = put('1.2.3', 'cache', 'engines', 'widget-1.2.3');
    expect(await ensureBinaries(release, sources())).toEqual({ server: file });
    expect(said).toEqual([]);
  });

  test("fetches the vendor's archive into the cache once, also for two at a time", async () => {
    const [one, two] = await Promise.all([ensureBinaries(release, sources()), ensureBinaries(release, sources())]);
    expect(one).toEqual(two);
    expect(readFileSync(one['server'] ?? '', 'utf8')).toBe(script('1.2.3'));
    expect(said.filter((line) => line.includes('downloading'))).toHaveLength(1);
  });

  test('uses nothing of an archive with another checksum', async () => {
    sums = `${'0'.repeat(64)}  widget.tar.gz\n`;
    await expect(ensureBinaries(release, sources())).rejects.toThrow(ChecksumError);
    expect(existsSync(join(folder, 'cache', 'engines', 'widget-1.2.3'))).toBe(false);
  });

  test('names what to install when there is no way left', async () => {
    sums = undefined;
    const failure = ensureBinaries(release, sources());
    await expect(failure).rejects.toThrow(EngineUnavailableError);
    await expect(failure).rejects.toThrow(/install Go[\s\S]*TRUFFLE_WIDGET_ADDRESS/);
  });

  test('builds from source with the Go on PATH when the vendor is out of reach', async () => {
    sums = undefined;
    mkdirSync(join(folder, 'go'));
    const go = `#!/bin/sh\n[ "$1" = version ] && echo go1.99.0 && exit\nprintf '%s' "$*" > "$GOBIN/widget"\n`;
    writeFileSync(join(folder, 'go', 'go'), go, { mode: 0o755 });
    const path = [join(folder, 'go'), join(folder, 'bin')].join(delimiter);
    const { server: built } = await ensureBinaries(release, { ...sources(), path });
    expect(readFileSync(built ?? '', 'utf8')).toBe('install -ldflags=-s -w example.test/widget/v2@v1.2.3');
  });
});

describe('names', () => {
  test('go install names a program after its path without the major version', () => {
    expect(installedName('github.com/nats-io/nats-server/v2@v2.15.2')).toBe('nats-server');
    expect(installedName('go.temporal.io/server/cmd/tools/sql@v1.32.0')).toBe('sql');
  });

  test('a list of sums is read in both of its styles', () => {
    expect(sumOf('AB  a.tar.gz\ncd *b.tar.gz\n', 'a.tar.gz')).toBe('ab');
    expect(sumOf('AB  a.tar.gz\ncd *b.tar.gz\n', 'b.tar.gz')).toBe('cd');
    expect(sumOf('ab  a.tar.gz\n', 'c.tar.gz')).toBeUndefined();
  });
});
