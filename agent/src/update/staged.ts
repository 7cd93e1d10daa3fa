import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { artifactFor, verifiedManifest, type Artifact, type Manifest } from '../release/manifest.ts';
import { compareVersions } from '../release/version-order.ts';
import { keep } from '../durable.ts';
import { programName, stagedFiles, type UpdatePlaces } from './places.ts';

/** What the agent brought is not put in; `message` says why. */
export class UpdateRefused extends Error {
  override readonly name = 'UpdateRefused';
  readonly code = 'UPDATE_REFUSED';
}

const mostSmallBytes = 64 * 1024;

/** A file that another user may have made: no link is followed, no pipe waited for. */
function openPlain(path: string): number {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new UpdateRefused(`${path} is not there, or is no plain file`, { cause });
  }
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new UpdateRefused(`${path} is no plain file`);
}

function readSmall(path: string): Buffer {
  const file = openPlain(path);
  try {
    if (fstatSync(file).size > mostSmallBytes) throw new UpdateRefused(`${path} is too large`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * The release that was brought, by the key that root has. What the agent believes of it counts for nothing here.
 * @param current version that works now: only a newer one is put in
 * @throws UpdateRefused, ManifestInvalid
 */
export function stagedRelease(
  { staged, releaseKey }: Pick<UpdatePlaces, 'staged' | 'releaseKey'>,
  current: string,
  platform: string,
): { readonly manifest: Manifest; readonly artifact: Artifact } {
  const manifest = verifiedManifest(
    readSmall(join(staged, stagedFiles.manifest)),
    readSmall(join(staged, stagedFiles.signature)),
    readFileSync(releaseKey, 'utf8'),
  );
  if (compareVersions(manifest.version, current) <= 0)
    throw new UpdateRefused(`${manifest.version} is not newer than ${current}, which works here`);
  if (compareVersions(current, manifest.minimum) < 0)
    throw new UpdateRefused(
      `${manifest.version} can follow only ${manifest.minimum} and newer, and ${current} works here`,
    );
  const artifact = artifactFor(manifest, platform);
  if (artifact === undefined) throw new UpdateRefused(`${manifest.version} has no program for ${platform}`);
  return { manifest, artifact };
}

/**
 * Unpacks the program that was brought into root's own folder, and looks at the bytes as they lie there: nobody else can change those.
 * @returns its path @throws UpdateRefused when they are not what the manifest names
 */
export async function unpackStaged(
  { staged, programs }: Pick<UpdatePlaces, 'staged' | 'programs'>,
  version: string,
  artifact: Artifact,
): Promise<string> {
  const folder = join(programs, version);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const draft = join(folder, `${programName}.new`);
  rmSync(draft, { force: true });
  const file = openPlain(join(staged, stagedFiles.program));
  const packed = counted(artifact.packedSize);
  const plain = counted(artifact.size);
  try {
    await pipeline(
      createReadStream('', { fd: file }),
      packed.through,
      createGunzip(),
      plain.through,
      createWriteStream(draft, { flags: 'wx', mode: 0o755 }),
    );
  } catch (cause) {
    rmSync(draft, { force: true });
    throw new UpdateRefused('what was brought can not be unpacked, or is larger than the manifest says', { cause });
  }
  if (packed.sum() !== artifact.packedSha256 || plain.sum() !== artifact.sha256) {
    rmSync(draft, { force: true });
    throw new UpdateRefused('what was brought is not the program that the manifest names');
  }
  const kept = openSync(draft, 'r');
  fsyncSync(kept);
  closeSync(kept);
  const path = join(folder, programName);
  renameSync(draft, path);
  keep(folder);
  keep(programs);
  return path;
}

/** Passes on at most so many bytes, and knows their digest. */
function counted(most: number): { readonly through: Transform; readonly sum: () => string } {
  const hash = createHash('sha256');
  let size = 0;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > most) return done(new Error('too many bytes'));
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { through, sum: () => hash.digest('hex') };
}
