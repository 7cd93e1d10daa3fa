import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '@truffle/config';
import { QemuError } from '../error.ts';
import { findQemu } from '../program/programs.ts';
import { runProgram } from '../program/run.ts';
import { buildDebian, debianPackages, offeredPackages } from './debian.ts';
import { buildFast, fastPackages } from './fast.ts';
import { guestFiles } from './guest-files.ts';
import { imageFileName } from './image.ts';
import { buildKernel, kernelPackage } from './kernel.ts';
import { waitForLock } from './lock.ts';
import { openWorkshop, suite, whyNotBuild, type Workshop } from './workshop.ts';

/** The images that the project builds. `debian-lite` is the disk of `debian`, begun without systemd. */
export const imageNames = ['fast', 'debian', 'debian-lite'] as const;
export type ImageName = (typeof imageNames)[number];

/** Where images are kept, and who is told of the work. */
export interface Shop {
  /** Shared by all checkouts of a user. */
  readonly cacheFolder: string;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Where this user's images are kept. */
export const guestCache = (env: NodeJS.ProcessEnv = process.env): string => join(cacheFolder(env), 'guests');

/** This user's cache, and the work told on stderr. */
export const ownShop: Shop = {
  cacheFolder: guestCache(),
  say: (line) => void process.stderr.write(`${line}\n`),
};

/** A part of an image that is kept by what it is made from. */
interface Product {
  readonly name: string;
  readonly packages: readonly string[];
  /** What of ours goes into it. */
  readonly files: readonly Parameters<typeof guestFiles>[0][];
  readonly recipe: string;
  readonly build: (workshop: Workshop, product: string) => Promise<void>;
}

const kernel: Product = {
  name: 'kernel',
  packages: [kernelPackage, 'busybox-static'],
  files: ['initrd'],
  recipe: 'kernel.ts',
  build: buildKernel,
};
const fast: Product = {
  name: 'fast',
  packages: fastPackages,
  files: ['any', 'fast'],
  recipe: 'fast.ts',
  build: buildFast,
};
const debian: Product = {
  name: 'debian',
  packages: [...debianPackages, ...offeredPackages],
  files: ['any', 'debian', 'fast'],
  recipe: 'debian.ts',
  build: buildDebian,
};

/**
 * The image of that name, from the cache or built now. Two checkouts that need the same one at once build it once.
 * @returns the file that describes it
 * @throws QemuError QEMU_IMAGE_FAILED when it can't be built here
 */
export async function ensureImage(name: ImageName, shop: Shop): Promise<string> {
  const product = name === 'fast' ? fast : debian;
  const file = name === 'debian-lite' ? 'lite.json' : imageFileName;
  const kernelDigest = await digestOf(kernel);
  const home = join(shop.cacheFolder, `${product.name}-${await digestOf(product, kernelDigest)}`);
  if (existsSync(join(home, file))) return join(home, file);
  const why = whyNotBuild();
  if (why !== undefined) {
    const remedy = 'Do that, or name an image that is built already in the site config.';
    throw new QemuError('QEMU_IMAGE_FAILED', `The guest image ${name} can't be built here: ${why}`, { remedy });
  }
  const kernelHome = join(shop.cacheFolder, `kernel-${kernelDigest}`);
  await ensureProduct(kernel, kernelHome, 'vmlinux', shop);
  await ensureProduct(product, home, file, shop, (made) => {
    for (const each of ['vmlinux', 'initrd.img']) linkSync(join(kernelHome, each), join(made, each));
  });
  return join(home, file);
}

async function ensureProduct(
  product: Product,
  home: string,
  last: string,
  { cacheFolder, say, signal }: Shop,
  finish: (made: string) => void = () => undefined,
): Promise<void> {
  if (existsSync(join(home, last))) return;
  mkdirSync(cacheFolder, { recursive: true });
  const lock = await waitForLock(`${home}.lock`, signal);
  try {
    if (!existsSync(join(home, last))) await build(product, home, { cacheFolder, say, signal }, finish);
  } finally {
    lock.release();
  }
}

async function build(
  product: Product,
  home: string,
  { cacheFolder, say, signal }: Shop,
  finish: (made: string) => void,
): Promise<void> {
  say(`guests: building ${product.name} from Debian packages (about a minute, only this once)`);
  const began = performance.now();
  const folder = mkdtempSync(join(cacheFolder, `.${product.name}-`));
  try {
    const made = join(folder, 'product');
    await product.build(openWorkshop(folder, findQemu().img, signal), made);
    finish(made);
    rmSync(home, { recursive: true, force: true });
    renameSync(made, home);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  say(`guests: built ${product.name} in ${Math.round((performance.now() - began) / 1_000)} s`);
}

/** What an image is made from: our files, our recipe, and the versions that apt would take of the packages that are named. */
async function digestOf(product: Product, further = ''): Promise<string> {
  const hash = createHash('sha256').update(`${suite}\n${further}\n`);
  for (const recipe of [product.recipe, 'workshop.ts']) hash.update(readFileSync(join(import.meta.dirname, recipe)));
  for (const kind of product.files)
    for (const [name, content] of Object.entries(guestFiles(kind))) hash.update(`${name}\n`).update(content);
  hash.update(await candidates(product.packages));
  return hash.digest('hex').slice(0, 12);
}

/** One line for each package; its name alone where there is no apt. */
async function candidates(packages: readonly string[]): Promise<string> {
  try {
    const ran = await runProgram('apt-cache', ['policy', ...packages], { deadlineMs: 30_000 });
    return ran.stdout
      .split('\n')
      .filter((line) => /^\S|Candidate:/.test(line))
      .join('\n');
  } catch {
    return packages.join('\n');
  }
}
