import { BlockList, isIP } from 'node:net';

/**
 * What is no public IPv4 address: IANA's special-purpose registry, multicast, reserved, and what a cloud answers its machines at
 * (168.63.129.16 is Azure's, which is in no such range).
 */
const hiddenFour = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
] as const;
/** IPv6 is public in 2000::/3 only, and not in these of it: Teredo and other protocol assignments, documentation, 6to4. */
const publicSix = '2000::/3';
const hiddenSix = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'] as const;

const hidden = listOf([...hiddenFour, ...hiddenSix]);
const routed = listOf([publicSix]);

/** An entry of the list of what may be reached that is no address, range or host name. */
export class AllowEntryError extends Error {
  override readonly name = 'AllowEntryError';
}

/** What may be reached though it is not public: a self-hoster's own. */
export interface Allowed {
  readonly ranges: BlockList;
  readonly hosts: ReadonlySet<string>;
}

/** @param entries addresses, ranges in CIDR notation and host names @throws AllowEntryError */
export function allowedOf(entries: readonly string[]): Allowed {
  const isRange = (entry: string): boolean => isIP(entry.split('/')[0] ?? '') !== 0;
  const hosts = entries.filter((entry) => !isRange(entry)).map((entry) => entry.toLowerCase());
  const wrong = hosts.find((host) => !/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(host));
  if (wrong !== undefined)
    throw new AllowEntryError(`"${wrong}" is no address, no range such as 10.0.0.0/8 and no host name`);
  return { ranges: listOf(entries.filter(isRange)), hosts: new Set(hosts) };
}

/** Whether `address` may be connected to. @param address IPv4 in dotted form or IPv6 without brackets and zone */
export function isReachable(address: string, allowed: Allowed): boolean {
  if (isIP(address) === 4) return allowed.ranges.check(address, 'ipv4') || !hidden.check(address, 'ipv4');
  if (isIP(address) !== 6) return false;
  // An IPv4 address in the clothes of IPv6 is neither in 2000::/3 nor ever let through by this: it is asked for as what it is.
  return allowed.ranges.check(address, 'ipv6') || (routed.check(address, 'ipv6') && !hidden.check(address, 'ipv6'));
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    try {
      list.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family);
    } catch (error) {
      throw new AllowEntryError(`"${range}" is no range of addresses`, { cause: error });
    }
  }
  return list;
}
