import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fetchSigned, ReleaseUnreachable } from '../release/fetch.ts';
import { artifactFor, verifiedManifest, type Artifact } from '../release/manifest.ts';
import { compareVersions } from '../release/version-order.ts';
import { writeDurably } from '../durable.ts';
import { stagedFiles } from './places.ts';
import { UpdateRefused } from './staged.ts';

export interface Bringing {
  /** Origin of the control plane. */
  readonly server: string;
  readonly version: string;
  /** Version that runs. */
  readonly current: string;
  readonly platform: string;
  /** The key that releases are signed with, PEM. */
  readonly key: string;
  /** Folder that it is brought to. */
  readonly staged: string;
  readonly signal: AbortSignal;
  /** How long (ms) a download may stand still; half a minute unless told. */
  readonly stallMs?: number;
}

const half = '.part';

/**
 * Brings a release to the folder, and looks at all of it: signature, version, size, digest. A download that was cut off goes on where it was.
 * Safe to repeat. @throws ReleaseUnreachable (try again), ManifestInvalid or UpdateRefused (it will not become better)
 */
export async function bringRelease(input: Bringing): Promise<void> {
  const { server, version, current, platform, key, staged, signal } = input;
  const { manifest: bytes, signature } = await fetchSigned(server, version);
  const manifest = verifiedManifest(bytes, signature, key);
  if (manifest.version !== version) throw new UpdateRefused(`the manifest of ${version} is of ${manifest.version}`);
  if (compareVersions(version, current) <= 0) throw new UpdateRefused(`${version} is not newer than ${current}`);
  if (compareVersions(current, manifest.minimum) < 0)
    throw new UpdateRefused(`${version} can follow only ${manifest.minimum} and newer`);
  const artifact = artifactFor(manifest, platform);
  if (artifact === undefined) throw new UpdateRefused(`${version} has no program for ${platform}`);
  mkdirSync(staged, { recursive: true, mode: 0o700 });
  rmSync(join(staged, stagedFiles.ask), { force: true });
  const path = join(staged, stagedFiles.manifest);
  // What was begun of another release is of no use.
  if (existsSync(path) && !readFileSync(path).equals(bytes)) forgetStaged(staged);
  writeDurably(join(staged, stagedFiles.signature), signature, 0o600);
  writeDurably(path, bytes, 0o600);
  const program = join(staged, stagedFiles.program);
  if (existsSync(program) && (await digestOf(program)) === artifact.packedSha256) return;
  await download(
    new URL(`/agent/${version}/${platform}.gz`, server),
    `${program}${half}`,
    artifact,
    signal,
    input.stallMs ?? 30_000,
  );
  if ((await digestOf(`${program}${half}`)) !== artifact.packedSha256) {
    rmSync(`${program}${half}`, { force: true });
    throw new UpdateRefused(`what came for ${version} is not the program that the manifest names`);
  }
  renameSync(`${program}${half}`, program);
}

/** Asks root to put in what was brought. */
export const askForUpdate = (staged: string, version: string): void =>
  writeDurably(join(staged, stagedFiles.ask), `${version}\n`, 0o600);

export function forgetStaged(staged: string): void {
  for (const name of [...Object.values(stagedFiles), `${stagedFiles.program}${half}`])
    rmSync(join(staged, name), { force: true });
}

async function download(
  url: URL,
  path: string,
  { packedSize }: Artifact,
  signal: AbortSignal,
  stallMs: number,
): Promise<void> {
  let have = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (have > packedSize) {
    rmSync(path);
    have = 0;
  }
  if (have === packedSize) return;
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(new Error(`nothing came for ${stallMs / 1000} s`)), stallMs);
  try {
    const answer = await fetch(url, {
      headers: have === 0 ? {} : { range: `bytes=${have}-` },
      redirect: 'error',
      signal: AbortSignal.any([signal, stall.signal]),
    });
    if (!answer.ok || answer.body === null) throw new ReleaseUnreachable(`${url.href} answers ${answer.status}`);
    const goesOn = answer.status === 206;
    let size = goesOn ? have : 0;
    const bounded = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        timer.refresh();
        size += chunk.length;
        if (size > packedSize) done(new UpdateRefused(`${url.href} answers more than the manifest says`));
        else done(null, chunk);
      },
    });
    await pipeline(answer.body, bounded, createWriteStream(path, { flags: goesOn ? 'a' : 'w', mode: 0o600 }));
    if (size < packedSize) throw new ReleaseUnreachable(`${url.href} ended after ${size} of ${packedSize} bytes`);
  } catch (cause) {
    if (cause instanceof ReleaseUnreachable || cause instanceof UpdateRefused) throw cause;
    throw new ReleaseUnreachable(
      `${url.href} was not reached, or broke off: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  } finally {
    clearTimeout(timer);
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
