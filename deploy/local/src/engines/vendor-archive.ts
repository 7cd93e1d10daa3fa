import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, copyFile, mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BinarySources, EngineRelease } from './engine-release.ts';
import { run } from './path-lookup.ts';

/** An archive is not what its vendor's list of sums says. Nothing is used of it. */
export class ChecksumError extends Error {
  override readonly name = 'ChecksumError';
  readonly code = 'CHECKSUM';
}

const probeMilliseconds = 3000;
const downloadMilliseconds = 10 * 60_000;

/**
 * Fetches the vendor's archive, checks its SHA-256 and puts the engine's programs into `product`. Answers false when the vendor can't be
 * reached, has nothing for this platform, or breaks off, so that the next way is tried.
 * @throws ChecksumError when the archive is not the one that the vendor lists
 */
export async function downloadRelease(
  release: EngineRelease,
  sources: BinarySources,
  product: string,
  workshop: string,
): Promise<boolean> {
  const { path, sums } = release.archive(process.platform, process.arch === 'x64' ? 'amd64' : process.arch);
  const listed = await fetchText(new URL(sums, sources.releasesUrl), probeMilliseconds);
  const expected = listed === undefined ? undefined : sumOf(listed, basename(path));
  if (expected === undefined) {
    sources.say(`${release.name}: the vendor's releases can't be reached`);
    return false;
  }
  sources.say(`${release.name}: downloading ${release.version} from the vendor`);
  const archive = join(workshop, basename(path));
  try {
    await download(new URL(path, sources.releasesUrl), archive, sources.signal);
  } catch (error) {
    sources.signal.throwIfAborted();
    sources.say(`${release.name}: the download broke off (${error instanceof Error ? error.message : String(error)})`);
    return false;
  }
  const actual = await sha256(archive);
  if (actual !== expected)
    throw new ChecksumError(`${basename(path)} has the SHA-256 ${actual}, but its vendor lists ${expected}`);
  return unpack(release, archive, product, workshop);
}

/** The sum that a `sha256sum` list gives for a file. */
export function sumOf(list: string, file: string): string | undefined {
  const line = list.split('\n').find((each) => each.trim().split(/\s+\*?/)[1] === file);
  return line?.trim().split(/\s+/)[0]?.toLowerCase();
}

async function fetchText(url: URL, milliseconds: number): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(milliseconds) });
    return answer.ok ? await answer.text() : undefined;
  } catch {
    return undefined;
  }
}

async function download(url: URL, file: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(downloadMilliseconds)]) });
  if (!answer.ok || answer.body === null) throw new Error(`HTTP ${answer.status}`);
  await pipeline(Readable.fromWeb(answer.body), createWriteStream(file));
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function unpack(release: EngineRelease, archive: string, product: string, workshop: string): Promise<boolean> {
  const unpacked = join(workshop, 'unpacked');
  await mkdir(unpacked);
  await run('tar', ['-xzf', archive, '-C', unpacked]);
  const files = await readdir(unpacked, { recursive: true });
  for (const program of Object.values(release.programs)) {
    const found = files.find((file) => basename(file) === program.file);
    if (found === undefined) return false;
    await copyFile(join(unpacked, found), join(product, program.file));
    await chmod(join(product, program.file), 0o755);
  }
  return true;
}
