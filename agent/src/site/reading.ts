import { isIPv4 } from 'node:net';
import { type Reader, SiteConfigError } from './reader.ts';

/** What images and networks may be called. */
export const label = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;
export const vmidBounds = { min: 100, max: 999_999_999 };

/** The numbers that the site offers, both included. */
export function readVmids(top: Reader): { readonly first: number; readonly last: number } {
  const [first = 0, last = 0] = top
    .text('vmids', { pattern: /^\d{3,9}-\d{3,9}$/, is: 'a range such as 20000-29999' })
    .split('-')
    .map(Number);
  if (first < vmidBounds.min || last < first)
    throw new SiteConfigError('vmids', 'must be a range from a lower to a higher number, at least 100');
  return { first, last };
}

/** One of a few; the first where it is left out. */
export function readChoice<T extends string>(top: Reader, name: string, choices: readonly [T, ...T[]]): T {
  const given = top.text(name, { fallback: choices[0] });
  const chosen = choices.find((each) => each === given);
  if (chosen === undefined) throw new SiteConfigError(name, `must be ${choices.join(' or ')}`);
  return chosen;
}

export const readSshUser = (top: Reader): string =>
  top.text('sshUser', { fallback: 'truffle', pattern: /^[a-z_][a-z0-9_-]{0,31}$/, is: 'a user name' });

export function addressOf(inner: Reader, name: string): string {
  const value = inner.text(name, { is: 'an IPv4 address' });
  if (!isIPv4(value)) throw new SiteConfigError(inner.at(name), 'must be an IPv4 address');
  return value;
}
