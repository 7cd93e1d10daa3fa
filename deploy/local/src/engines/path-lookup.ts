import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Runs a program to its end; rejects with its output when it fails. */
export const run = promisify(execFile);

/** The first program of that name on a PATH; undefined when there is none. */
export function which(file: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, file))
    .find((candidate) => {
      try {
        accessSync(candidate, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The first x.y[.z] that the program prints; empty when it can't be run. */
export async function versionOf(file: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await run(file, [...args], { timeout: 10_000 });
    return /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? '';
  } catch {
    return '';
  }
}
