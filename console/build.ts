/**
 * Builds the console into `dist/`, each file beside its compressed forms; does nothing when no source has changed, and fails when the first load
 * is too large. Prints where it is and how much script is loaded first, as one line of JSON. Usage: node console/build.ts
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

const here = import.meta.dirname;
const out = join(here, 'dist');
/** Compressed script that is loaded before a page needs more; above it there is no build. */
const mostFirstLoadBytes = 250_000;
const recordName = '.sources';
const sources = [
  'console/{src,public}/**',
  'console/*.{html,json,ts}',
  'packages/{api,audit,ids,sealing,template-language}/**/*.{ts,js,json}',
];
const compressible = /\.(?:js|css|html|svg|json)$/;

/** @returns the folder with `index.html` @throws what the bundler refuses */
export async function buildConsole(): Promise<string> {
  const now = digestOfSources();
  const record = join(out, recordName);
  if (existsSync(record) && readFileSync(record, 'utf8') === now) return out;
  const draft = `${out}.${process.pid}`;
  await buildInto(draft);
  for (const file of readdirSync(draft, { recursive: true, encoding: 'utf8' }))
    if (compressible.test(file)) compress(join(draft, file));
  const bytes = firstLoadBytes(draft);
  if (bytes > mostFirstLoadBytes) {
    rmSync(draft, { recursive: true, force: true });
    throw new Error(
      `the first load is ${bytes} bytes of compressed script; ${mostFirstLoadBytes} is the most: load a part later`,
    );
  }
  writeFileSync(join(draft, recordName), now);
  // Nobody is served half of a build; two builds at once leave one of them.
  rmSync(out, { recursive: true, force: true });
  try {
    renameSync(draft, out);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(record)) throw error;
  }
  return out;
}

/** As it is delivered, whoever asks: under another NODE_ENV, as tests have one, libraries come with what helps only their own makers. */
async function buildInto(folder: string): Promise<void> {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  try {
    await build({ root: here, logLevel: 'warn', build: { outDir: folder, emptyOutDir: true } });
  } finally {
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
  }
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  const checkout = join(here, '..');
  const files = globSync([...sources, 'package-lock.json'], {
    cwd: checkout,
    withFileTypes: true,
    exclude: ['**/node_modules', '**/dist*'],
  });
  for (const path of files
    .filter((f) => f.isFile())
    .map((f) => join(f.parentPath, f.name))
    .toSorted())
    hash.update(path.slice(checkout.length)).update('\0').update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

/** Bytes of the scripts that the page itself names, as they travel. */
export function firstLoadBytes(folder: string): number {
  const page = readFileSync(join(folder, 'index.html'), 'utf8');
  const scripts = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map(([, path = '']) => path);
  return scripts.reduce((sum, path) => sum + statSync(join(folder, `${path}.br`)).size, 0);
}

function compress(path: string): void {
  const text = readFileSync(path);
  const parameters = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: text.length };
  writeFileSync(`${path}.br`, brotliCompressSync(text, { params: parameters }));
  writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }));
}

if (import.meta.main) {
  const folder = await buildConsole();
  process.stdout.write(`${JSON.stringify({ folder, firstLoadBytes: firstLoadBytes(folder) })}\n`);
}
