import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A package that is in the bundle, and on what terms. */
export interface Bundled {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  /** Text of the licence as the package carries it; empty when it carries none. */
  readonly text: string;
}

/** What a product under Apache-2.0 may carry in its binary. Another licence wants a person's look before it is added here. */
const allowed = /^(?:MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|Unlicense|BlueOak-1\.0\.0)$/;
const checkout = dirname(import.meta.dirname);
const rule = '-'.repeat(80);

/**
 * The packages that modules come from, by name; those of this repository are left out.
 * @param modules absolute paths; what is no file of a package is passed over
 * @throws TypeError for a package whose licence is not known to be allowed
 */
export function bundledPackages(modules: Iterable<string>): readonly Bundled[] {
  const folders = new Set<string>();
  for (const id of modules) {
    const folder = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
    if (folder !== undefined && !folder.includes('\0')) folders.add(folder);
  }
  return [...folders].map(packageIn).toSorted((a, b) => a.name.localeCompare(b.name));
}

/** The notice that goes with the program: what is in it, by whom, on what terms. */
export function noticeText(packages: readonly Bundled[]): string {
  const nodeFolder = join(checkout, 'node_modules', `node-${process.platform}-${process.arch}`);
  const own = `Truffle agent\n\n${readFileSync(join(checkout, 'LICENSE'), 'utf8').trimEnd()}`;
  const intro = `The program contains the following third-party software.\n\n${packages
    .map(({ name, version, license }) => `${name} ${version}: ${license}`)
    .join('\n')}\nNode.js ${process.versions.node}: MIT, with parts under other terms (below)`;
  const texts = packages.map(
    ({ name, version, license, text }) =>
      `${name} ${version} (${license})\n\n${text === '' ? `The package carries no text; its terms are those of ${license}.` : text}`,
  );
  const node = `Node.js ${process.versions.node}\n\n${licenseText(nodeFolder)}`;
  return `${[own, intro, ...texts, node].join(`\n\n${rule}\n\n`)}\n`;
}

function packageIn(folder: string): Bundled {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
    readonly licenses?: readonly { readonly type: string }[];
  };
  const { name, version } = manifest;
  const license = (manifest.license ?? manifest.licenses?.map(({ type }) => type).join(' AND ') ?? '').replace(
    /^\((.*)\)$/,
    '$1',
  );
  // Each part of what must be kept together, and one of what may be chosen from.
  const isAllowed = license
    .split(' AND ')
    .every((part) => part.split(' OR ').some((choice) => allowed.test(choice.replace(/[()]/g, ''))));
  if (!isAllowed)
    throw new TypeError(
      `${name} ${version} is under "${license}", which is not among the licences that the agent may carry: look at it, then name it in agent/notice.ts or do without`,
    );
  return { name, version, license, text: licenseText(folder) };
}

function licenseText(folder: string): string {
  if (!existsSync(folder)) return '';
  const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i.test(file));
  return files
    .toSorted()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
    .join('\n\n');
}
