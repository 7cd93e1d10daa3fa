import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Row, rowOf } from '../pve/json.ts';
import { SiteConfigError } from './reader.ts';

/**
 * Images that commands imported: what templates call them, and where the driver finds them, kept in a file of the data folder. The site
 * config's own go before them.
 */
export class ImportedImages<T extends string | number> {
  readonly #path: string;
  #images: Readonly<Record<string, T>>;

  /** @param placeOf reads where the image of that name is @throws SiteConfigError for a file that is damaged */
  constructor(path: string, placeOf: (row: Row, name: string) => T) {
    this.#path = path;
    this.#images = read(path, placeOf);
  }

  /** Where each is, by name. */
  all(): Readonly<Record<string, T>> {
    return this.#images;
  }

  /** On disk when it returns. A name that is there already is taken over by the new image. */
  add(name: string, place: T): void {
    this.#images = { ...this.#images, [name]: place };
    writeFileSync(`${this.#path}.new`, `${JSON.stringify(this.#images)}\n`, { mode: 0o600, flush: true });
    renameSync(`${this.#path}.new`, this.#path);
  }
}

function read<T>(path: string, placeOf: (row: Row, name: string) => T): Readonly<Record<string, T>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
  try {
    const row = rowOf(JSON.parse(text));
    return Object.fromEntries(Object.keys(row).map((name) => [name, placeOf(row, name)]));
  } catch {
    throw new SiteConfigError('', `has a damaged list of imported images: ${path}; remove it and import them again`);
  }
}
