import { expect, test } from 'vitest';
import { cacheFolder } from './cache-folder.ts';

test('the cache follows TRUFFLE_CACHE_DIR, then XDG_CACHE_HOME, then HOME', () => {
  expect(cacheFolder({ TRUFFLE_CACHE_DIR: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' })).toBe('/a');
  expect(cacheFolder({ XDG_CACHE_HOME: '/b', HOME: '/c' })).toBe('/b/truffle');
  expect(cacheFolder({ HOME: '/c' })).toBe('/c/.cache/truffle');
});
