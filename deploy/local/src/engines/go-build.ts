import { spawn } from 'node:child_process';
import { renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { EngineUnavailableError, type BinarySources, type EngineRelease } from './engine-release.ts';
import { versionOf, which } from './path-lookup.ts';

/** Builds each program of the engine from its pinned Go module into `product`. @throws EngineUnavailableError */
export async function buildWithGo(release: EngineRelease, sources: BinarySources, product: string): Promise<void> {
  const go = which('go', sources.path);
  if (go === undefined) throw new EngineUnavailableError(howToGet(release));
  const version = await versionOf(go, ['version']);
  sources.say(
    `${release.name}: building ${release.version} from source with Go ${version} (${release.buildTime}, only this once)`,
  );
  const started = performance.now();
  for (const program of Object.values(release.programs)) {
    await install(go, program.goPackage, product, {
      ...sources,
      say: (line) => sources.say(`${release.name}: ${line}`),
    });
    renameSync(join(product, installedName(program.goPackage)), join(product, program.file));
  }
  sources.say(`${release.name}: built in ${Math.round((performance.now() - started) / 1000)} s`);
}

/** What `go install` calls the program: the last element of the package's path, a major version suffix aside. */
export function installedName(goPackage: string): string {
  const path = goPackage.slice(0, goPackage.indexOf('@'));
  return basename(path.replace(/\/v\d+$/, ''));
}

const howToGet = (release: EngineRelease): string =>
  `${release.name} ${release.version} is not on PATH, not in the cache, its releases can't be reached, and there is no Go to build it. ` +
  `Do one of these: install Go (https://go.dev/dl, or your system's package "golang"); put ${Object.values(
    release.programs,
  )
    .map((program) => program.file)
    .join(
      ' and ',
    )} on PATH; or set TRUFFLE_${release.name.toUpperCase()}_${release.name === 'nats' ? 'URL' : 'ADDRESS'} to a running one.`;

/** Modules downloaded are counted aloud now and then; everything else that Go says is shown. */
function install(go: string, goPackage: string, product: string, { say, signal }: BinarySources): Promise<void> {
  const env = { ...process.env, GOBIN: product, GOFLAGS: `${process.env['GOFLAGS'] ?? ''} -trimpath`.trim() };
  const child = spawn(go, ['install', '-ldflags=-s -w', goPackage], {
    env,
    signal,
    killSignal: 'SIGINT',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let modules = 0;
  const last: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('go: downloading')) last.push(line);
    else if (++modules % 50 === 1) say(`fetching modules (${modules} so far)`);
  });
  const beat = setInterval(() => say(`still building ${installedName(goPackage)}`), 30_000);
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => {
      clearInterval(beat);
      if (code === 0) done();
      else fail(new EngineUnavailableError(`go install ${goPackage} failed:\n${last.slice(-15).join('\n')}`));
    });
  });
}
