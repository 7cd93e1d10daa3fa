/**
 * Makes the agent as one executable: Node with the bundle's chunks in it (a single executable application). Prints where it is as one line of
 * JSON. Usage: node agent/sea.ts [--out FOLDER] [--version X.Y.Z]
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { compile, flags, inputsOf, isCurrent, noticeOf } from './bundle.ts';
import { installScriptName, noticeName } from './src/licenses.ts';
import { version as ownVersion } from './src/version.ts';

/** A platform that the agent is released for, `linux-x64` and so on. */
export type Platform = `${'linux' | 'win' | 'darwin'}-${'x64' | 'arm64'}`;

export interface ExecutableChoice {
  /** Folder that it is made in; `agent/dist/executable` unless told. */
  readonly out?: string;
  /** Version that it says it is; the one of `agent/package.json` unless told. */
  readonly version?: string;
  /** Node for another platform, of the version that this runs on; this one's own unless told. */
  readonly node?: { readonly platform: Platform; readonly path: string };
}

const here = import.meta.dirname;
const own = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}` as Platform;
const installScript = join(here, 'install', 'install.sh');
const loaderSource = join(here, 'src', 'executable', 'loader.ts');
const buildMs = 120_000;

/** Brings the executable up to date; does nothing when no file that went into it has changed. @returns its path @throws what the bundler or Node refuses */
export async function buildExecutable(choice: ExecutableChoice = {}): Promise<string> {
  const { out = join(here, 'dist', 'executable'), version = ownVersion, node } = choice;
  const platform = node?.platform ?? own;
  const made = `truffle-agent-${version}-${platform}`;
  const path = join(out, platform.startsWith('win') ? `${made}.exe` : made);
  const record = join(out, `${made}.json`);
  if (isCurrent(path, record)) return path;
  mkdirSync(out, { recursive: true });
  const draft = mkdtempSync(join(out, 'draft-'));
  try {
    const chunks = await compile(version);
    const assets: Record<string, string> = {};
    const put = (name: string, text: string): string => {
      writeFileSync(join(draft, name), text);
      return join(draft, name);
    };
    for (const { fileName, code } of chunks) assets[fileName] = put(fileName, code.replace(/^#!.*\n/, ''));
    assets[noticeName] = put(noticeName, noticeOf(chunks));
    assets[installScriptName] = installScript;
    const config = {
      main: put('loader.cjs', await compileLoader()),
      output: join(draft, 'executable'),
      ...(node === undefined ? {} : { executable: node.path }),
      disableExperimentalSEAWarning: true,
      execArgv: flags,
      // What an environment says to Node is not for the agent: NODE_OPTIONS could load anything into it.
      execArgvExtension: 'none',
      assets,
    };
    await promisify(execFile)(process.execPath, ['--build-sea', put('sea.json', JSON.stringify(config))], {
      timeout: buildMs,
    });
    renameSync(config.output, path);
    const further = [loaderSource, installScript, import.meta.filename];
    writeFileSync(record, JSON.stringify(inputsOf(chunks, further)));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return path;
}

async function compileLoader(): Promise<string> {
  const build = await rolldown({ input: loaderSource, platform: 'node' });
  try {
    const { output } = await build.generate({ format: 'cjs', minify: { mangle: false } });
    return output[0].code;
  } finally {
    await build.close();
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string' }, version: { type: 'string' } } });
  const path = await buildExecutable({
    ...(values.out === undefined ? {} : { out: resolve(values.out) }),
    ...(values.version === undefined ? {} : { version: values.version }),
  });
  process.stdout.write(`${JSON.stringify({ path })}\n`);
}
