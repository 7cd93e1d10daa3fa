import { describe, expect, test } from 'vitest';
import { AddressRangeError, AddressRanges, clientAddress, plainAddress, readRange } from './address.ts';

describe('a range of addresses', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    [' 203.0.113.7 ', '203.0.113.7/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1/128'],
    ['2001:db8:0:0:1::/80', '2001:db8:0:0:1::/80'],
    ['64:ff9b::192.0.2.0/120', '64:ff9b::c000:200/120'],
  ])('%j is read as %s', (given, text) => expect(readRange(given).text).toBe(text));

  test.each([
    '',
    '/',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.1/8',
    '10.0.0.0/-1',
    '10.0.0.0/8.0',
    '010.0.0.0/8',
    '0x0a.0.0.0',
    '167772160',
    '10.1',
    '2001:db8::/129',
    '2001:db8::1/32',
    ':::/1',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    '::ffff:a00:1/128',
    '[::1]',
    'localhost',
    '10.0.0.0/8\n1.1.1.1',
    '10.0.0.0/0x8',
  ])('%j is none', (given) => expect(() => readRange(given)).toThrow(AddressRangeError));

  test('holds the addresses inside it, of its own family', () => {
    const some = new AddressRanges(['10.0.0.0/8', '2001:db8::/32']);
    expect(['10.255.0.1', '2001:db8:ffff::1'].map((a) => some.contains(a))).toEqual([true, true]);
    expect(['11.0.0.1', '2001:db9::1', '::a00:1', '', 'x'].map((a) => some.contains(a))).toEqual(Array(5).fill(false));
    expect(new AddressRanges(['0.0.0.0/0']).contains('2001:db8::1')).toBe(false);
  });
});

test.each([
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:a00:1', '10.0.0.1'],
  ['[2001:DB8::1]:443', '2001:db8::1'],
  ['192.0.2.1:80', '192.0.2.1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['unknown', ''],
  ['192.0.2.1, 10.0.0.1', ''],
])('%j is the address %j', (given, address) => expect(plainAddress(given)).toBe(address));

describe('the client of a request', () => {
  const trusted = new AddressRanges(['10.0.0.0/8', '127.0.0.1']);
  test.each([
    ['is the peer', '192.0.2.1', undefined, '192.0.2.1'],
    ['is the peer, whatever it says, when it is not trusted', '192.0.2.1', '198.51.100.1', '192.0.2.1'],
    ['is whom a trusted proxy names', '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['is the right-most that no trusted proxy has', '127.0.0.1', '1.1.1.1, 198.51.100.1, 10.1.1.1', '198.51.100.1'],
    ['is a proxy itself when only proxies are named', '10.0.0.1', '10.0.0.2', '10.0.0.2'],
    ['is the proxy that names something that is no address', '10.0.0.1', '1.1.1.1, _hidden', '10.0.0.1'],
    ['is nobody without a socket', undefined, '1.1.1.1', ''],
  ])('%s', (_, peer, header, address) => expect(clientAddress(peer, header, trusted)).toBe(address));

  test('is found in what is sent as several headers, and only so far', () => {
    expect(clientAddress('10.0.0.1', ['1.1.1.1', '198.51.100.1'], trusted)).toBe('198.51.100.1');
    expect(clientAddress('10.0.0.1', `1.1.1.1,${'10.0.0.2,'.repeat(10_000)}10.0.0.3`, trusted)).toBe('10.0.0.2');
  });
});
