import { expect, test } from 'vitest';
import { merged, mergeLists, type DraftField } from './draft.ts';

interface Thing {
  readonly name: string;
  readonly about: string;
  readonly list: readonly string[];
}

const fields: readonly DraftField<Thing>[] = [
  { key: 'name', label: 'Name', show: ({ name }) => name },
  { key: 'about', label: 'About', show: ({ about }) => about },
  {
    key: 'list',
    label: 'List',
    show: ({ list }) => list.join(' '),
    both: (base, mine, theirs) => ({ list: mergeLists(base.list, mine.list, theirs.list) }),
  },
];
const base: Thing = { name: 'a', about: 'x', list: ['1', '2', '3'] };

test('a field that one side changed has that side’s value', () => {
  const mine = { ...base, name: 'mine' };
  const theirs = { ...base, about: 'theirs' };
  expect(merged(fields, base, mine, theirs, {})).toEqual({ name: 'mine', about: 'theirs', list: ['1', '2', '3'] });
});

test('where both changed one, the person says whose stands; lists take both changes', () => {
  const mine = { ...base, name: 'mine', list: ['1', '2', '3', 'mine'] };
  const theirs = { ...base, name: 'theirs', list: ['2', '3', 'theirs'] };
  expect(merged(fields, base, mine, theirs, { name: 'theirs' })).toEqual({
    name: 'theirs',
    about: 'x',
    list: ['2', '3', 'theirs', 'mine'],
  });
  expect(merged(fields, base, mine, theirs, { name: 'mine', list: 'mine' })).toEqual(mine);
  expect(merged(fields, base, mine, theirs, { name: 'mine', list: 'theirs' })).toEqual({ ...theirs, name: 'mine' });
});

test('what one side took out of a list stays out though the other kept it', () => {
  expect(mergeLists(['a', 'b'], ['b', 'c'], ['a', 'b', 'd'])).toEqual(['b', 'd', 'c']);
  expect(mergeLists([], ['a'], ['a'])).toEqual(['a']);
});
