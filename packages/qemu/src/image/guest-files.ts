import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const folder = join(import.meta.dirname, '..', '..', 'guest');

/** What is put into guests, by name. @param kind `any` for all of them, or the image that it is for */
export function guestFiles(kind: 'any' | 'debian' | 'fast' | 'initrd'): Readonly<Record<string, Buffer>> {
  const names = readdirSync(join(folder, kind)).toSorted();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, kind, name))]));
}

/** Writes a file into a guest's root. @param place absolute, as the guest sees it */
export function putFile(root: string, place: string, content: string | Uint8Array, mode = 0o644): void {
  const path = join(root, place);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
}
