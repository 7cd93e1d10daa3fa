import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manifestText } from '../release/manifest.ts';
import { testFolder } from '../testing/folder.ts';
import { applyUpdate, type ApplyDeps } from './apply.ts';
import { linkTarget } from './link.ts';
import { programName, stagedFiles, type UpdatePlaces } from './places.ts';
import { readRecord, readTrying } from './record.ts';

// The core with a disk of its own and a machine that the test plays: what a version does when it is started.

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const platform = 'linux-x64';
const key = publicKey.export({ type: 'spki', format: 'pem' });

/** What a version does once it is started. */
type Nature = 'good' | 'crashes' | 'hangs' | 'falls' | 'does not start';

class Cut extends Error {}

/** A machine with a disk, on which 1.0.0 works. */
function machine(nature: Nature, { network = true, cutAt = Infinity } = {}) {
  const folder = testFolder();
  const places: UpdatePlaces = {
    programs: join(folder, 'programs'),
    memory: join(folder, 'memory'),
    staged: join(folder, 'staged'),
    readyFile: join(folder, 'ready'),
    releaseKey: join(folder, 'release.pub'),
  };
  mkdirSync(join(places.programs, '1.0.0'), { recursive: true });
  mkdirSync(places.staged);
  writeFileSync(places.releaseKey, key);
  writeFileSync(join(places.programs, '1.0.0', programName), 'old');
  for (const link of ['current', 'confirmed']) symlinkSync('1.0.0', join(places.programs, link));
  writeFileSync(places.readyFile, '1.0.0\n');
  const state = { running: '1.0.0' as string | undefined, restarts: 0, steps: 0, cutAt, network };
  /** Everything that is done to the machine counts, and may be the last thing before the power goes. */
  const step = (): void => {
    if (++state.steps === state.cutAt) throw new Cut();
  };
  /** The power goes: nothing after that is done, and nobody hears of it. */
  const died = { promise: new Promise<never>(() => undefined), reject: (_cut: Cut): void => undefined };
  const isLast = (): boolean => {
    if (++state.steps !== state.cutAt) return false;
    died.reject(new Cut());
    return true;
  };
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
  const applyUntilCut = (): Promise<unknown> => {
    Object.assign(died, Promise.withResolvers<never>());
    died.promise.catch(() => undefined);
    return Promise.race([applyUpdate(deps), died.promise]);
  };
  let time = 0;
  const deps: ApplyDeps = {
    places,
    platform,
    clock: {
      now: () => time,
      wall: () => 1_800_000_000_000 + time,
      after: (ms, act) => {
        step();
        time += ms;
        // Who falls does so after it was seen to be ready.
        if (state.running === '2.0.0' && nature === 'falls') rmSync(places.readyFile, { force: true });
        setImmediate(act);
        return () => undefined;
      },
    },
    restart: () => {
      if (isLast()) return never();
      rmSync(places.readyFile, { force: true });
      const version = linkTarget(places.programs, 'current') ?? '';
      const is = version === '2.0.0' ? nature : 'good';
      if (is === 'does not start') return Promise.reject(new Error('exit code 203'));
      state.running = version;
      state.restarts++;
      if (state.network && (is === 'good' || is === 'falls')) writeFileSync(places.readyFile, `${version}\n`);
      return isLast() ? never() : Promise.resolve();
    },
    versionOf: (program) => {
      if (isLast()) return never();
      const says = readFileSync(program, 'utf8');
      return says === '' ? Promise.reject(new Error('exec format error')) : Promise.resolve(says);
    },
    readyMs: 60_000,
    steadyMs: 1_000,
    say: step,
  };
  return { places, deps, state, applyUntilCut };
}

/** What the agent brings and asks for. */
function bring(
  places: UpdatePlaces,
  over: { version?: string; minimum?: string; program?: string; named?: string; by?: typeof privateKey } = {},
): void {
  const { version = '2.0.0', minimum = '0.0.0', by = privateKey } = over;
  const program = Buffer.from(over.program ?? version);
  const packed = gzipSync(program);
  const named = Buffer.from(over.named ?? over.program ?? version);
  const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const artifacts = [
    { platform, sha256: digest(named), size: named.length, packedSha256: digest(packed), packedSize: packed.length },
  ];
  const text = manifestText({ version, channel: 'stable', date: '2026-11-28T00:00:00Z', minimum, artifacts });
  writeFileSync(join(places.staged, stagedFiles.manifest), text);
  writeFileSync(join(places.staged, stagedFiles.signature), sign(null, Buffer.from(text), by));
  writeFileSync(join(places.staged, stagedFiles.program), packed);
  writeFileSync(join(places.staged, stagedFiles.ask), version);
}

/** Nothing is under way, and one version is what runs, what would run and what is trusted. */
function expectSettled({ places, state }: ReturnType<typeof machine>, version: string): void {
  expect(linkTarget(places.programs, 'current')).toBe(version);
  expect(linkTarget(places.programs, 'confirmed')).toBe(version);
  expect(state.running).toBe(version);
  expect(readTrying(places.memory)).toBeUndefined();
  expect(existsSync(join(places.staged, stagedFiles.ask))).toBe(false);
}

describe('an update', () => {
  test('is put in, and what is not asked for is not', async () => {
    const one = machine('good');
    expect(await applyUpdate(one.deps)).toBeUndefined();
    bring(one.places);
    expect(await applyUpdate(one.deps)).toMatchObject({ outcome: 'updated', from: '1.0.0', to: '2.0.0' });
    expectSettled(one, '2.0.0');
    expect(readRecord(one.places.memory)).toMatchObject({ last: { outcome: 'updated' }, bad: [] });
    bring(one.places, { version: '1.5.0' });
    expect(await applyUpdate(one.deps)).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('not newer') as string,
    });
    expectSettled(one, '2.0.0');
  });

  test.each<Nature>(['crashes', 'hangs', 'falls', 'does not start'])(
    'that %s is taken out again, and not tried twice',
    async (nature) => {
      const one = machine(nature);
      bring(one.places);
      expect(await applyUpdate(one.deps)).toMatchObject({ outcome: 'rolled back' });
      expectSettled(one, '1.0.0');
      const { restarts } = one.state;
      bring(one.places);
      expect(await applyUpdate(one.deps)).toMatchObject({
        outcome: 'refused',
        reason: expect.stringContaining('not tried again') as string,
      });
      expect(one.state.restarts).toBe(restarts);
      expect(readRecord(one.places.memory).last).toMatchObject({ outcome: 'rolled back' });
      bring(one.places, { version: '2.0.1' });
      expect(await applyUpdate(one.deps)).toMatchObject({ outcome: 'updated', to: '2.0.1' });
    },
  );

  test('is not blamed for a network that is away', async () => {
    const one = machine('good', { network: false });
    bring(one.places);
    expect(await applyUpdate(one.deps)).toMatchObject({ outcome: 'unproven' });
    expectSettled(one, '1.0.0');
    expect(readRecord(one.places.memory).bad).toEqual([]);
    one.state.network = true;
    bring(one.places);
    expect(await applyUpdate(one.deps)).toMatchObject({ outcome: 'updated' });
  });

  test('is refused for whatever is not right with it, and nothing is changed', async () => {
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const cases = [
      { by: stranger },
      { version: '1.0.0' },
      { version: '0.9.0' },
      { minimum: '1.0.1' },
      { named: 'other' },
      { program: '1.9.9' },
    ];
    for (const each of cases) {
      const one = machine('good');
      bring(one.places, each);
      expect(await applyUpdate(one.deps), JSON.stringify(Object.keys(each))).toMatchObject({ outcome: 'refused' });
      expectSettled(one, '1.0.0');
      expect(one.state.restarts).toBe(0);
      expect(readRecord(one.places.memory).bad).toEqual([]);
    }
  });

  test('takes nothing through a link or a pipe that the agent laid', async () => {
    for (const name of [stagedFiles.manifest, stagedFiles.signature, stagedFiles.program]) {
      const one = machine('good');
      bring(one.places);
      const path = join(one.places.staged, name);
      writeFileSync(`${path}.real`, readFileSync(path));
      rmSync(path);
      symlinkSync(`${path}.real`, path);
      expect(await applyUpdate(one.deps)).toMatchObject({ outcome: 'refused' });
      expectSettled(one, '1.0.0');
    }
    const folder = machine('good');
    bring(folder.places);
    rmSync(join(folder.places.staged, stagedFiles.manifest));
    mkdirSync(join(folder.places.staged, stagedFiles.manifest));
    expect(await applyUpdate(folder.deps)).toMatchObject({ outcome: 'refused' });
  });

  test('ends well wherever the power goes, however often', { timeout: 60_000 }, async () => {
    const natures = fc.constantFrom<Nature>('good', 'crashes', 'hangs', 'falls', 'does not start');
    await fc.assert(
      fc.asyncProperty(natures, fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }), async (nature, cuts) => {
        const one = machine(nature);
        bring(one.places);
        for (const cut of cuts) {
          one.state.steps = 0;
          one.state.cutAt = cut;
          await one.applyUntilCut().catch((error: unknown) => {
            if (!(error instanceof Cut)) throw error;
            // The machine comes up again with what the link names, and that does what it does.
            rmSync(one.places.readyFile, { force: true });
            one.state.cutAt = Infinity;
            one.state.running = undefined;
          });
          one.state.cutAt = Infinity;
          if (one.state.running === undefined) await one.deps.restart().catch(() => undefined);
        }
        await applyUpdate(one.deps);
        const expected = nature === 'good' ? '2.0.0' : '1.0.0';
        expectSettled(one, expected);
        expect(readRecord(one.places.memory).bad.map(({ version }) => version)).toEqual(
          nature === 'good' ? [] : ['2.0.0'],
        );
      }),
      { numRuns: 25 },
    );
  });
});
