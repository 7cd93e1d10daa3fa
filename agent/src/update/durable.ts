import { closeSync, fsyncSync, openSync, readlinkSync, renameSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Writes a file whole or not at all, and returns when it is on disk. */
export function writeDurably(path: string, content: string | Uint8Array, mode: number): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  const file = openSync(draft, 'wx', mode);
  try {
    writeSync(file, typeof content === 'string' ? Buffer.from(content) : content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  keep(dirname(path));
}

export function removeDurably(path: string): void {
  rmSync(path, { force: true });
  keep(dirname(path));
}

/** Points a link elsewhere in one step. */
export function pointLink(path: string, target: string): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  symlinkSync(target, draft);
  renameSync(draft, path);
  keep(dirname(path));
}

/** Where a link points; undefined when there is none. */
export function linkTarget(folder: string, name: string): string | undefined {
  try {
    return readlinkSync(join(folder, name));
  } catch {
    return undefined;
  }
}

/** Returns when the names in a folder are on disk. */
export function keep(folder: string): void {
  const file = openSync(folder, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
