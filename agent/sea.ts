/**
 * Makes the agent as one executable: Node with the bundle's chunks in it (a single executable application). Prints where it is as one line of
 * JSON. Usage: node agent/sea.ts [--out FOLDER] [--version X.Y.Z] [--platform linux-arm64]
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { compile, flags, inputsOf, isCurrent, noticeOf } from './bundle.ts';
import { ownNodes, withPinnedNode, type NodeSource } from './nodes.ts';
import { installScriptName, noticeName } from './src/licenses.ts';
import { ownPlatform } from './src/release/manifest.ts';
import { version as ownVersion } from './src/version.ts';

/** What the agent is released for. */
export const platforms = ['linux-x64', 'linux-arm64', 'win-x64'] as const;
export type Platform = (typeof platforms)[number];

export interface ExecutableChoice {
  /** Folder that it is made in; `agent/dist/executable` unless told. */
  readonly out?: string;
  /** Version that it says it is; the one of `agent/package.json` unless told. */
  readonly version?: string;
  /** This one unless told. */
  readonly platform?: Platform;
  /** Where Node for another platform comes from; this user's cache and registry unless told. */
  readonly nodes?: NodeSource;
}

const here = import.meta.dirname;
const own = ownPlatform() as Platform;
const installScript = join(here, 'install', 'install.sh');
const nodePins = join(here, 'nodes.json');
const loaderSource = join(here, 'src', 'executable', 'loader.ts');
const buildMs = 120_000;

/**
 * Brings the executable up to date; does nothing when no file that went into it has changed.
 * @returns its path @throws NodeUnavailable for another platform @throws what the bundler or Node refuses
 */
export async function buildExecutable(choice: ExecutableChoice = {}): Promise<string> {
  const { out = join(here, 'dist', 'executable'), version = ownVersion, platform = own, nodes = ownNodes } = choice;
  const made = `truffle-agent-${version}-${platform}`;
  const path = join(out, platform.startsWith('win') ? `${made}.exe` : made);
  const record = join(out, `${made}.json`);
  if (isCurrent(path, record)) return path;
  const make = (node: string): Promise<void> => makeExecutable({ out, version, node, path, record });
  await (platform === own ? make(process.execPath) : withPinnedNode(platform, nodes, make));
  return path;
}

interface Making {
  readonly out: string;
  readonly version: string;
  /** Node of the platform, of the very version that this runs on. */
  readonly node: string;
  readonly path: string;
  /** What `path` is made of. */
  readonly record: string;
}

async function makeExecutable({ out, version, node, path, record }: Making): Promise<void> {
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
      executable: node,
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
    // Where another Node is pinned all is made anew.
    const further = [loaderSource, installScript, nodePins, import.meta.filename];
    writeFileSync(record, JSON.stringify(inputsOf(chunks, further)));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
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
  const { values } = parseArgs({
    options: { out: { type: 'string' }, version: { type: 'string' }, platform: { type: 'string' } },
  });
  const platform = platforms.find((each) => each === values.platform);
  if (values.platform !== undefined && platform === undefined)
    throw new TypeError(`--platform is one of ${platforms.join(', ')}`);
  const path = await buildExecutable({
    ...(values.out === undefined ? {} : { out: resolve(values.out) }),
    ...(values.version === undefined ? {} : { version: values.version }),
    ...(platform === undefined ? {} : { platform }),
  });
  process.stdout.write(`${JSON.stringify({ path })}\n`);
}
