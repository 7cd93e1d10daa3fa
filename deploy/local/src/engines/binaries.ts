import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '@truffle/config';
import { waitForLock } from '../lock.ts';
import { EngineUnavailableError, type BinarySources, type EngineRelease } from './engine-release.ts';
import { buildWithGo } from './go-build.ts';
import { versionOf, which } from './path-lookup.ts';
import { downloadRelease } from './vendor-archive.ts';

export const binarySources = (
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
  signal: AbortSignal,
): BinarySources => ({
  cacheFolder: cacheFolder(env),
  path: env['PATH'] ?? '',
  releasesUrl: env['TRUFFLE_RELEASES_URL'] || 'https://github.com',
  say,
  signal,
});

/**
 * The engine's programs by role, as absolute paths: from PATH, the cache, the vendor's archive, or a build from source, in that order.
 * Two checkouts that need the same engine at once make it once.
 * @throws EngineUnavailableError naming what to install
 */
export async function ensureBinaries(
  release: EngineRelease,
  sources: BinarySources,
): Promise<Readonly<Record<string, string>>> {
  const onPath = await findOnPath(release, sources.path);
  if (onPath !== undefined) return onPath;
  const engines = join(sources.cacheFolder, 'engines');
  const home = join(engines, `${release.name}-${release.version}`);
  const cached = programsIn(release, home);
  if (cached !== undefined) return cached;
  mkdirSync(engines, { recursive: true });
  const lock = await waitForLock(join(engines, `${release.name}-${release.version}.lock`), 30 * 60_000, () =>
    sources.say(`${release.name}: another checkout is making it; waiting`),
  );
  try {
    if (programsIn(release, home) === undefined) await makeEngine(release, sources, engines, home);
  } finally {
    lock.release();
  }
  const made = programsIn(release, home);
  if (made === undefined)
    throw new EngineUnavailableError(
      `${release.name} ${release.version} was made in ${home} but lacks a program; remove that folder and try again`,
    );
  return made;
}

async function makeEngine(
  release: EngineRelease,
  sources: BinarySources,
  engines: string,
  home: string,
): Promise<void> {
  const workshop = mkdtempSync(join(engines, `.${release.name}-`));
  try {
    const product = join(workshop, 'product');
    mkdirSync(product);
    if (!(await downloadRelease(release, sources, product, workshop))) await buildWithGo(release, sources, product);
    rmSync(home, { recursive: true, force: true });
    renameSync(product, home);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

function programsIn(release: EngineRelease, folder: string): Readonly<Record<string, string>> | undefined {
  const found = Object.entries(release.programs).map(([role, program]) => [role, join(folder, program.file)] as const);
  return found.every(([, path]) => existsSync(path)) ? Object.fromEntries(found) : undefined;
}

/** All programs on PATH and all of a right version, or undefined. */
async function findOnPath(release: EngineRelease, path: string): Promise<Readonly<Record<string, string>> | undefined> {
  const found: Record<string, string> = {};
  for (const [role, program] of Object.entries(release.programs)) {
    const file = which(program.file, path);
    if (file === undefined || !release.accepts(await versionOf(file, program.versionArgs))) return undefined;
    found[role] = file;
  }
  return found;
}
