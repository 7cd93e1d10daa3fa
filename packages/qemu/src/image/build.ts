import { ensureImage, type ImageName, imageNames, ownShop } from './shop.ts';

const usage = `usage: node packages/qemu/src/image/build.ts [${imageNames.join('|')}…]

Builds images of guests from Debian packages, or finds them in the cache, and prints the file that describes each.
Needs root, and the packages mmdebstrap, lz4, e2fsprogs and qemu-utils.
`;

/** Builds the named images, or all. */
async function main(args: readonly string[]): Promise<number> {
  const unknown = args.filter((arg) => !imageNames.includes(arg as ImageName));
  if (unknown.length > 0) {
    process.stderr.write(usage);
    return args.includes('--help') ? 0 : 2;
  }
  for (const name of args.length === 0 ? imageNames : (args as ImageName[]))
    process.stdout.write(`${name} ${await ensureImage(name, ownShop)}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
