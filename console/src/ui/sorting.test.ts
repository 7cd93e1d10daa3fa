import { expect, test } from 'vitest';
import { directionOf, nextOf } from './sorting.ts';

test('a title that is pressed sorts by its column, and turns the order round when pressed again', () => {
  const sorting = (by: string) => ({ by, set: () => undefined });
  expect(nextOf(sorting('name'), 'state')).toBe('state');
  expect(nextOf(sorting('state'), 'state')).toBe('state desc');
  expect(nextOf(sorting('state desc'), 'state')).toBe('state');
  expect(directionOf(sorting('state'), 'state')).toBe('ascending');
  expect(directionOf(sorting('state desc'), 'state')).toBe('descending');
  expect(directionOf(sorting('state'), 'name')).toBeUndefined();
});
