import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { seedImage } from './seed.ts';

const reader = join(import.meta.dirname, '..', '..', 'guest', 'any', 'json.awk');
const flat = (text: string): string[] =>
  execFileSync('awk', ['-f', reader], { input: text, encoding: 'utf8' }).trimEnd().split('\n');

const facts = {
  instanceId: 'one',
  hostname: 'web-1',
  user: 'truffle',
  keys: ['ssh-ed25519 AAAA a "quoted" comment'],
  cards: [{ mac: '02:00:00:00:00:01', address: '10.0.0.5/24', gateway: '10.0.0.1' }],
};

/** A file of the image, which begins at a sector of its own. */
const fileWith = (image: Buffer, mark: string): string => {
  for (let at = 25 * 2048; at < image.length; at += 2048) {
    const text = image
      .subarray(at, at + 2048)
      .toString('utf8')
      .replaceAll('\0', '');
    if (text.includes(mark)) return text;
  }
  throw new Error(`no file with ${mark}`);
};

it('says who a guest is in a form that the guests of this project read', () => {
  const image = seedImage(facts);
  expect(seedImage(facts).equals(image)).toBe(true);
  const user = flat(fileWith(image, '#cloud-config'));
  expect(user).toContain('/users/0/name\ttruffle');
  expect(user).toContain('/users/0/ssh_authorized_keys/0\tssh-ed25519 AAAA a "quoted" comment');
  const network = flat(fileWith(image, 'ethernets'));
  expect(network).toContain('/ethernets/eth0/match/macaddress\t02:00:00:00:00:01');
  expect(network).toContain('/ethernets/eth0/addresses/0\t10.0.0.5/24');
  expect(network).toContain('/ethernets/eth0/routes/0/via\t10.0.0.1');
});

it('is read however it is spaced, and refused when it is cut off', () => {
  expect(flat('# no JSON\n{ "a" : [ 1 , true, {"b\\"":"c\\\\d"} ], "e":{} }\n')).toEqual([
    '/a/0\t1',
    '/a/1\ttrue',
    '/a/2/b"\tc\\d',
  ]);
  expect(() => flat('{"a":"b')).toThrow();
});
