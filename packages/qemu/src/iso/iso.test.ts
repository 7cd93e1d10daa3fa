import { describe, expect, it } from 'vitest';
import { isoImage } from './iso.ts';

const file = (name: string, text: string) => ({ name, content: Buffer.from(text) });

/** What ECMA-119 says of both byte orders. */
const both = (image: Buffer, at: number) => [image.readUInt32LE(at), image.readUInt32BE(at + 4)];

describe('an image', () => {
  const image = isoImage('cidata', [file('user-data', 'u'.repeat(5_000)), file('meta-data', 'm')]);

  it('has a primary, a Joliet and a last volume descriptor, and says its size', () => {
    const kinds = [16, 17, 18].map((sector) => [
      image.readUInt8(sector * 2048),
      image.toString('latin1', sector * 2048 + 1, sector * 2048 + 7),
    ]);
    expect(kinds).toEqual([
      [1, 'CD001\x01'],
      [2, 'CD001\x01'],
      [255, 'CD001\x01'],
    ]);
    const sectors = image.length / 2048;
    expect(both(image, 16 * 2048 + 80)).toEqual([sectors, sectors]);
    expect(image.toString('latin1', 16 * 2048 + 40, 16 * 2048 + 46)).toBe('cidata');
    expect(image.toString('latin1', 17 * 2048 + 88, 17 * 2048 + 91)).toBe('%/E');
  });

  it('is the same for the same files in any order, and another for others', () => {
    const again = isoImage('cidata', [file('meta-data', 'm'), file('user-data', 'u'.repeat(5_000))]);
    expect(again.equals(image)).toBe(true);
    expect(isoImage('cidata', [file('meta-data', 'n')]).equals(image)).toBe(false);
  });

  it('keeps each file in sectors of its own, at which its record points', () => {
    const root = image.subarray(24 * 2048, 25 * 2048);
    let at = 68;
    const found = new Map<string, string>();
    while (root.readUInt8(at) > 0) {
      const [sector = 0, bytes = 0] = [both(root, at + 2)[0], both(root, at + 10)[0]];
      const name = Buffer.from(root.subarray(at + 33, at + 33 + root.readUInt8(at + 32)));
      found.set(name.swap16().toString('utf16le'), image.toString('utf8', sector * 2048, sector * 2048 + bytes));
      at += root.readUInt8(at);
    }
    expect(found).toEqual(
      new Map([
        ['meta-data;1', 'm'],
        ['user-data;1', 'u'.repeat(5_000)],
      ]),
    );
  });

  it('refuses more files than its folder holds', () => {
    expect(() =>
      isoImage(
        'x',
        Array.from({ length: 17 }, (_, at) => file(`f${at}`, '')),
      ),
    ).toThrow(RangeError);
  });
});
