/**
 * Makes the program that customers run: one entry and its chunks in `dist/`, of which an agent at rest loads a third. Prints what to run as
 * one line of JSON. Usage: node agent/bundle.ts [--out FOLDER]
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { rolldown, type OutputChunk, type Plugin } from 'rolldown';
import { bundledPackages, noticeText } from './notice.ts';
import { installScriptName, noticeName } from './src/licenses.ts';

/** What is run: `node ...flags entry`; the entry can also be executed by itself. */
export interface Bundle {
  readonly entry: string;
  readonly flags: readonly string[];
}

/** A small young generation and compact code: a fifth of the memory at rest, for speed that an agent has no use for. */
export const flags = ['--max-semi-space-size=1', '--optimize-for-size'] as const;
const here = import.meta.dirname;
const checkout = dirname(here);
const defaultOut = join(here, 'dist');
const installScript = join(here, 'install', 'install.sh');
const entryName = 'truffle-agent.mjs';
const recordName = 'inputs.json';
/** A running agent still loads chunks of the build that it was started from. */
const keepMs = 7 * 86_400_000;

/** Digest by file, relative to the checkout. */
export type Inputs = Readonly<Record<string, string>>;

/** Brings `out` up to date; does nothing when no file that went into it has changed. Safe to run several times at once. @throws what the bundler refuses */
export async function bundleAgent(out = defaultOut): Promise<Bundle> {
  const bundle = { entry: join(out, entryName), flags };
  const record = join(out, recordName);
  if (isCurrent(bundle.entry, record)) return bundle;
  const chunks = await compile();
  mkdirSync(out, { recursive: true });
  const names = new Set(chunks.map((chunk) => chunk.fileName));
  // The entry last: it names its chunks by their content, so whoever starts finds all of one build.
  for (const chunk of chunks.toSorted((a, b) => Number(a.isEntry) - Number(b.isEntry))) place(out, chunk);
  replace(join(out, noticeName), noticeOf(chunks));
  replace(join(out, installScriptName), readFileSync(installScript, 'utf8'));
  replace(record, JSON.stringify(inputsOf(chunks, [installScript])));
  for (const file of readdirSync(out))
    if (file.endsWith('.mjs') && !names.has(file) && Date.now() - statSync(join(out, file)).mtimeMs > keepMs)
      rmSync(join(out, file), { force: true });
  return bundle;
}

/**
 * The bundle's chunks. Names stay as they are written: a stack trace from a customer's site has to be readable.
 * @param version that the program says it is; the one of its `package.json` unless told
 */
export async function compile(version?: string): Promise<readonly OutputChunk[]> {
  const build = await rolldown({
    input: { agent: join(here, 'src', 'main.ts') },
    cwd: checkout,
    platform: 'node',
    // Speed-ups that ssh2 does without.
    external: [/\.node$/, 'cpu-features'],
    plugins: version === undefined ? [] : [saying(version)],
  });
  try {
    const { output } = await build.generate({
      format: 'esm',
      minify: { mangle: false },
      entryFileNames: entryName,
      chunkFileNames: '[name]-[hash].mjs',
      banner: 'const __dirname=import.meta.dirname,__filename=import.meta.filename;',
    });
    return output.filter((each) => each.type === 'chunk');
  } finally {
    await build.close();
  }
}

/** Has the program say that it is that version. */
const saying = (version: string): Plugin => ({
  name: 'version',
  load: (id) =>
    id === join(here, 'package.json') ? { code: JSON.stringify({ version }), moduleType: 'json' } : undefined,
});

/** The notice of what these chunks are made of. @throws TypeError for a package whose licence is not known to be allowed */
export const noticeOf = (chunks: readonly OutputChunk[]): string =>
  noticeText(bundledPackages(chunks.flatMap((chunk) => chunk.moduleIds)));

/** What the chunks were made from, by its digest. @param further files that went into what is made of them */
export function inputsOf(chunks: readonly OutputChunk[], further: readonly string[] = []): Inputs {
  const files = new Set(chunks.flatMap((chunk) => chunk.moduleIds).filter((id) => existsSync(id)));
  const builders = [import.meta.filename, join(here, 'notice.ts'), ...further];
  return Object.fromEntries([...files, ...builders].map((id) => [relative(checkout, id), digest(id)]));
}

/** Whether `made` is there and was made from the files as they are now, as `record` says. */
export function isCurrent(made: string, record: string): boolean {
  if (!existsSync(made) || !existsSync(record)) return false;
  const inputs = JSON.parse(readFileSync(record, 'utf8')) as Inputs;
  return Object.entries(inputs).every(([file, was]) => {
    const path = join(checkout, file);
    return existsSync(path) && digest(path) === was;
  });
}

function place(out: string, { fileName, code, isEntry }: OutputChunk): void {
  const path = join(out, fileName);
  if (isEntry) replace(path, code.replace(/^#!.*/, `#!/usr/bin/env -S node ${flags.join(' ')}`), 0o755);
  else if (!existsSync(path)) replace(path, code);
}

/** Nobody sees half of a file. */
function replace(path: string, text: string, mode = 0o644): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode });
  renameSync(draft, path);
}

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('base64');

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const bundle = await bundleAgent(values.out === undefined ? defaultOut : resolve(values.out));
  process.stdout.write(`${JSON.stringify(bundle)}\n`);
}
