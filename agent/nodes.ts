/**
 * Node for the platforms that a release is made for and that this machine is not: the registry's package `node-PLATFORM`, of the version and
 * digest that `nodes.json` pins. Not dependencies of this checkout, as npm leaves out packages for other platforms. After another Node was
 * pinned, `npm view node-PLATFORM@VERSION dist.integrity` tells the digests.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '@truffle/config';
import type { Platform } from './sea.ts';

/** There is no Node for a platform here, and none could be fetched. */
export class NodeUnavailable extends Error {
  override readonly name = 'NodeUnavailable';
  readonly code = 'NODE_UNAVAILABLE';
}

/** What came from the registry, or lay in the cache, is not what is pinned. Nothing of it is used. */
export class NodeNotPinned extends Error {
  override readonly name = 'NodeNotPinned';
  readonly code = 'NODE_NOT_PINNED';
}

/** The packages that are believed. */
export interface NodePins {
  readonly version: string;
  /** As registries tell it: `sha512-` and base64. */
  readonly integrity: Readonly<Partial<Record<Platform, string>>>;
}

export interface NodeSource {
  /** Where packages are kept. */
  readonly cacheFolder: string;
  readonly say: (line: string) => void;
  /** What npm is run with; it says which registry is asked. */
  readonly env: NodeJS.ProcessEnv;
  /** Those of this checkout unless told. */
  readonly pins?: NodePins;
}

const downloadMs = 10 * 60_000;
const unpackMs = 60_000;
const run = promisify(execFile);

/** This user's cache and registry. */
export const ownNodes: NodeSource = {
  cacheFolder: cacheFolder(process.env),
  say: (line) => void process.stderr.write(`${line}\n`),
  env: process.env,
};

const pinnedNodes = JSON.parse(readFileSync(join(import.meta.dirname, 'nodes.json'), 'utf8')) as NodePins;

/**
 * Has `use` work with the pinned Node for a platform, which lies in a folder of its own for that time. Its package comes from the cache, else
 * from the registry, and its digest is looked at each time: a cache is anyone's to write who may write the home folder.
 * @throws NodeUnavailable @throws NodeNotPinned @throws what `use` throws
 */
export async function withPinnedNode<T>(
  platform: Platform,
  source: NodeSource,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const { version, integrity } = source.pins ?? pinnedNodes;
  const expected = integrity[platform];
  if (expected === undefined) throw new NodeUnavailable(`no Node is pinned for ${platform}: name it in nodes.json`);
  // What an executable holds is in a form that changes with Node's patch versions: the one that builds must be the one that runs it.
  if (version !== process.versions.node)
    throw new NodeUnavailable(`Node ${version} is pinned and ${process.versions.node} runs this: use the pinned one`);
  const folder = join(source.cacheFolder, 'node');
  mkdirSync(folder, { recursive: true });
  const draft = mkdtempSync(join(folder, 'draft-'));
  try {
    const archive = join(folder, `node-${platform}-${version}.tgz`);
    if ((await integrityOf(archive)) !== expected)
      await fetchInto(draft, archive, `node-${platform}@${version}`, expected, source);
    const program = platform.startsWith('win') ? 'node.exe' : 'node';
    await run('tar', ['-xzf', archive, '-C', draft, `package/bin/${program}`], { timeout: unpackMs });
    return await use(join(draft, 'package', 'bin', program));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function fetchInto(
  draft: string,
  archive: string,
  spec: string,
  expected: string,
  { say, env }: NodeSource,
): Promise<void> {
  say(`${spec}: downloading`);
  const args = ['pack', spec, '--json', '--fetch-retries=1', '--ignore-scripts', '--pack-destination', draft];
  const { stdout } = await run('npm', args, { env, timeout: downloadMs, maxBuffer: 64 * 1024 * 1024 }).catch(
    (cause: unknown) => {
      throw new NodeUnavailable(`npm could not fetch ${spec}: ${saidBy(cause)}`, { cause });
    },
  );
  const [made] = JSON.parse(stdout) as readonly { readonly filename: string }[];
  const fetched = join(draft, made?.filename ?? '');
  const actual = await integrityOf(fetched);
  if (actual !== expected)
    throw new NodeNotPinned(`${spec} is ${actual ?? 'not there'} and not ${expected}: do not use this registry`);
  renameSync(fetched, archive);
}

/** Undefined where there is no such file. */
async function integrityOf(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined;
  const hash = createHash('sha512');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return `sha512-${hash.digest('base64')}`;
}

/** npm's first sentence of what went wrong, without its prefix and what only its makers read. */
function saidBy(cause: unknown): string {
  const { stderr = '', message } = cause as { readonly stderr?: string; readonly message: string };
  const lines = stderr
    .split('\n')
    .flatMap((line) => /^npm (?:error|ERR!) (?!(?:code|syscall|errno) )(.+)$/.exec(line)?.[1] ?? []);
  return lines[0] ?? message.split('\n')[0] ?? message;
}
