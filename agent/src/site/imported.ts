import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { numberOf, rowOf } from '../pve/json.ts';
import { SiteConfigError } from './reader.ts';

/** Images that commands imported: what templates call them and their VMIDs, kept in the data folder. The site config's own go before them. */
export class ImportedImages {
  readonly #path: string;
  #images: Readonly<Record<string, readonly number[]>>;

  /** @throws SiteConfigError for a file that is damaged */
  constructor(dataFolder: string) {
    this.#path = join(dataFolder, 'images.json');
    this.#images = read(this.#path);
  }

  /** VMIDs by name. */
  all(): Readonly<Record<string, readonly number[]>> {
    return this.#images;
  }

  /** On disk when it returns. A name that is there already is taken over by the new image. */
  add(name: string, vmid: number): void {
    this.#images = { ...this.#images, [name]: [vmid] };
    const plain = Object.fromEntries(Object.entries(this.#images).map(([image, vmids]) => [image, vmids[0]]));
    writeFileSync(`${this.#path}.new`, `${JSON.stringify(plain)}\n`, { mode: 0o600, flush: true });
    renameSync(`${this.#path}.new`, this.#path);
  }
}

function read(path: string): Readonly<Record<string, readonly number[]>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
  try {
    const row = rowOf(JSON.parse(text));
    return Object.fromEntries(Object.keys(row).map((name) => [name, [numberOf(row, name)]]));
  } catch {
    throw new SiteConfigError('', `has a damaged list of imported images: ${path}; remove it and import them again`);
  }
}
