import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { keep } from '../durable.ts';

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
