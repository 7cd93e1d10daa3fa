import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { manifestText } from '../release/manifest.ts';
import { testFolder } from '../testing/folder.ts';
import { askForUpdate, bringRelease, forgetStaged } from './bring.ts';
import { stagedFiles } from './places.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const key = publicKey.export({ type: 'spki', format: 'pem' });
const packed = randomBytes(400_000);
const platform = 'linux-x64';
const digest = createHash('sha256').update(packed).digest('hex');

type Answer = (request: IncomingMessage, response: ServerResponse, staged: string) => void;

/** An origin with one release; `program` says how its download goes. */
async function origin(program: Answer, over: { version?: string; size?: number; by?: typeof privateKey } = {}) {
  const { version = '2.0.0', size = packed.length, by = privateKey } = over;
  const artifacts = [{ platform, sha256: 'a'.repeat(64), size: 1, packedSha256: digest, packedSize: size }];
  const text = manifestText({ version, channel: 'stable', date: '2026-11-28T00:00:00Z', minimum: '0.5.0', artifacts });
  const asked: (string | undefined)[] = [];
  const staged = join(testFolder(), 'update');
  const server = createServer((request, response) => {
    if (request.url === '/agent/2.0.0/manifest') return void response.end(text);
    if (request.url === '/agent/2.0.0/manifest.sig') return void response.end(sign(null, Buffer.from(text), by));
    if (request.url !== `/agent/2.0.0/${platform}.gz`) return void response.writeHead(404).end();
    asked.push(request.headers.range);
    program(request, response, staged);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bring = (rest: { current?: string; platform?: string; stallMs?: number } = {}): Promise<void> =>
    bringRelease({
      server: at,
      version: '2.0.0',
      current: '1.0.0',
      platform,
      key,
      staged,
      signal: AbortSignal.timeout(20_000),
      ...rest,
    });
  return { bring, staged, asked };
}

const whole: Answer = ({ headers: { range } }, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  response.writeHead(range === undefined ? 200 : 206).end(packed.subarray(from));
};

describe('a release', () => {
  test('is brought whole, once', async () => {
    const { bring, staged, asked } = await origin(whole);
    await bring();
    expect(readFileSync(join(staged, stagedFiles.program)).equals(packed)).toBe(true);
    expect(existsSync(join(staged, stagedFiles.ask))).toBe(false);
    await bring();
    expect(asked).toEqual([undefined]);
    askForUpdate(staged, '2.0.0');
    expect(readFileSync(join(staged, stagedFiles.ask), 'utf8')).toBe('2.0.0\n');
    forgetStaged(staged);
    expect(existsSync(join(staged, stagedFiles.program))).toBe(false);
  });

  test('goes on where it was cut off', async () => {
    let turn = 0;
    const { bring, staged, asked } = await origin((request, response, folder) => {
      if (turn++ > 0) return whole(request, response, folder);
      response.writeHead(200, { 'content-length': String(packed.length) });
      response.write(packed.subarray(0, 150_000));
      // What has not reached the disk is lost with the connection.
      const looking = setInterval(() => {
        const part = statSync(join(folder, `${stagedFiles.program}.part`), { throwIfNoEntry: false });
        if ((part?.size ?? 0) === 0) return;
        clearInterval(looking);
        response.destroy();
      }, 5);
    });
    await expect(bring()).rejects.toMatchObject({ code: 'RELEASE_UNREACHABLE' });
    await bring();
    expect(asked[1]).toMatch(/^bytes=\d+-$/);
    expect(readFileSync(join(staged, stagedFiles.program)).equals(packed)).toBe(true);
  });

  test('is begun anew where the server knows no ranges, and where what is there is another one’s', async () => {
    let turn = 0;
    const { bring, staged } = await origin((_request, response) => {
      if (turn++ > 0) return void response.end(packed);
      response.writeHead(200, { 'content-length': String(packed.length) });
      response.write(packed.subarray(0, 1_000), () => response.destroy());
    });
    await expect(bring()).rejects.toMatchObject({ code: 'RELEASE_UNREACHABLE' });
    await bring();
    expect(readFileSync(join(staged, stagedFiles.program)).equals(packed)).toBe(true);
    writeFileSync(join(staged, stagedFiles.program), 'not that');
    writeFileSync(join(staged, `${stagedFiles.program}.part`), Buffer.alloc(packed.length + 1));
    await bring();
    expect(readFileSync(join(staged, stagedFiles.program)).equals(packed)).toBe(true);
  });

  test('that is not what its manifest names is thrown away', async () => {
    const { bring, staged } = await origin((_request, response) => void response.end(Buffer.alloc(packed.length)));
    await expect(bring()).rejects.toMatchObject({ code: 'UPDATE_REFUSED' });
    expect(existsSync(join(staged, `${stagedFiles.program}.part`))).toBe(false);
    const endless = await origin((_request, response) => void response.end(Buffer.concat([packed, packed])));
    await expect(endless.bring()).rejects.toMatchObject({ code: 'UPDATE_REFUSED' });
    const short = await origin((_request, response) => void response.end(packed.subarray(0, 10)));
    await expect(short.bring()).rejects.toMatchObject({ code: 'RELEASE_UNREACHABLE' });
    const still = await origin((_request, response) => void response.write(packed.subarray(0, 10)));
    await expect(still.bring({ stallMs: 100 })).rejects.toMatchObject({ code: 'RELEASE_UNREACHABLE' });
  });

  test('is not even downloaded when its manifest is not right', async () => {
    const stranger = generateKeyPairSync('ed25519').privateKey;
    for (const over of [{ by: stranger }, { version: '3.0.0' }]) {
      const { bring, asked } = await origin(whole, over);
      await expect(bring()).rejects.toMatchObject({
        code: expect.stringMatching(/MANIFEST_INVALID|UPDATE_REFUSED/) as string,
      });
      expect(asked).toEqual([]);
    }
    const { bring, asked } = await origin(whole);
    for (const rest of [{ current: '2.0.0' }, { current: '0.4.9' }, { platform: 'win-arm64' }])
      await expect(bring(rest)).rejects.toMatchObject({ code: 'UPDATE_REFUSED' });
    expect(asked).toEqual([]);
  });
});
