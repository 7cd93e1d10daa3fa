import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes a file whole or not at all, and returns when it is on disk: under another name, to the disk, then renamed. */
export function writeDurably(path: string, content: string | Uint8Array, mode: number): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  const file = openSync(draft, 'wx', mode);
  try {
    writeFileSync(file, content);
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

/** Returns when the names in a folder are on disk. Windows refuses to sync a folder; its file system keeps names in its own journal. */
export function keep(folder: string): void {
  if (process.platform === 'win32') return;
  const file = openSync(folder, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
