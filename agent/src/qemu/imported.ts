import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '@truffle/qemu';
import { SiteConfigError } from '../site/reader.ts';

/** Images that commands imported: what templates call them and where they lie, kept in the data folder. The site config's own go before them. */
export class ImportedFolders {
  readonly #path: string;
  #folders: Readonly<Record<string, string>>;

  /** @throws SiteConfigError for a file that is damaged */
  constructor(dataFolder: string) {
    this.#path = join(dataFolder, 'image-folders.json');
    this.#folders = read(this.#path);
  }

  /** Folders by name. */
  all(): Readonly<Record<string, string>> {
    return this.#folders;
  }

  /** On disk when it returns. A name that is there already is taken over by the new image. */
  add(name: string, folder: string): void {
    this.#folders = { ...this.#folders, [name]: folder };
    replaceFile(this.#path, `${JSON.stringify(this.#folders)}\n`);
  }
}

function read(path: string): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
  try {
    return JSON.parse(text) as Readonly<Record<string, string>>;
  } catch {
    throw new SiteConfigError('', `has a damaged list of imported images: ${path}; remove it and import them again`);
  }
}
