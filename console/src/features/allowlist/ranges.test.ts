import { expect, test } from 'vitest';
import { readRanges, showRanges } from './ranges.ts';

test('ranges are one a line, with their notes', () => {
  const ranges = [
    { cidr: '203.0.113.0/24', note: 'office #1' },
    { cidr: '2001:db8::/32', note: '' },
  ];
  expect(showRanges(ranges)).toBe('203.0.113.0/24 # office #1\n2001:db8::/32');
  expect(readRanges(`\n ${showRanges(ranges)} \n\n`)).toEqual(ranges);
  expect(readRanges('')).toEqual([]);
});
