import { BlockList, isIP } from 'node:net';

/** A range of addresses in its one canonical spelling, e.g. `2001:db8::/32`. */
export interface AddressRange {
  readonly text: string;
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** A text is no range of addresses; the message says what is wrong with it and how to write it. */
export class AddressRangeError extends Error {
  override readonly name = 'AddressRangeError';
}

const mostHops = 32;

/** Reads a range in CIDR notation; an address alone is a range of one. @throws AddressRangeError */
export function readRange(text: string): AddressRange {
  const [, given = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? [];
  const version = given.includes('%') ? 0 : isIP(given);
  if (version === 0)
    throw new AddressRangeError('is no address and no range; write 203.0.113.0/24, 2001:db8::/32 or one address');
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const most = version === 4 ? 32 : 128;
  const bits = length === undefined ? most : Number(length);
  if (bits > most) throw new AddressRangeError(`has more than ${most} bits`);
  const mapped = plainAddress(given);
  if (version === 6 && isIP(mapped) === 4)
    throw new AddressRangeError(`is an IPv4 address in the clothes of IPv6; write ${mapped}`);
  const network = textOf((numberOf(given) >> BigInt(most - bits)) << BigInt(most - bits), family);
  const address = textOf(numberOf(given), family);
  if (network !== address)
    throw new AddressRangeError(`is an address inside a range; write ${network}/${bits} for all of it`);
  return { text: `${network}/${bits}`, address: network, bits, family };
}

/** Ranges that addresses are looked for in. */
export class AddressRanges {
  readonly #list = new BlockList();

  /** @throws AddressRangeError */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const { address, bits, family } = readRange(range);
      this.#list.addSubnet(address, bits, family);
    }
  }

  /** @param address as `plainAddress` gives it; what is no address is in no range */
  contains(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#list.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** An address without what sockets and proxies add: brackets, port, zone, the clothes of IPv6 around an IPv4 one. Empty for none. */
export function plainAddress(given: string): string {
  const bare = /^\[(.+?)\](?::\d+)?$/.exec(given)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(given)?.[1] ?? given;
  const address = bare.split('%')[0] ?? '';
  const version = isIP(address);
  if (version === 0) return '';
  if (version === 4) return address;
  const number = numberOf(address);
  return number >> 32n === 0xffffn ? textOf(number & 0xffffffffn, 'ipv4') : textOf(number, 'ipv6');
}

/**
 * The address that a request came from: the peer's, or, behind proxies that are trusted, the right-most that none of them has. What stands
 * further left in `x-forwarded-for` is the client's own word and counts for nothing.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
  trusted: AddressRanges,
): string {
  const hops = (typeof forwardedFor === 'string' ? forwardedFor : (forwardedFor ?? []).join(',')).split(',');
  let at = plainAddress(peer ?? '');
  for (const hop of hops.slice(-mostHops).toReversed()) {
    if (!trusted.contains(at)) break;
    const next = plainAddress(hop.trim());
    // A proxy that says nothing that can be read has vouched for nobody behind it.
    if (next === '') break;
    at = next;
  }
  return at;
}

/** What one customer has: an IPv4 address, or the 2^64 addresses of an IPv6 network. */
export const networkOf = (address: string): string =>
  isIP(address) === 6 ? textOf((numberOf(address) >> 64n) << 64n, 'ipv6') : address;

function numberOf(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const [head = '', tail] = hexOf(address).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function textOf(number: bigint, family: AddressRange['family']): string {
  if (family === 'ipv4') return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 0xffn).join('.');
  return hexOf([...Array(8).keys()].map((i) => ((number >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':'));
}

/** The canonical spelling (RFC 5952) of an IPv6 address, without dots. */
const hexOf = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);
