import schema from '@truffle/template-language/schema' with { type: 'json' };
import { expect, test } from 'vitest';
import { spotAt, suggest, type Schema } from './suggest.ts';

/** The cursor is where `|` stands. */
function at(text: string) {
  const offset = text.indexOf('|');
  const lines = text.replace('|', '').split('\n');
  const above = text.slice(0, offset).split('\n');
  return [lines, above.length - 1, above.at(-1)?.length ?? 0] as const;
}
const labels = (text: string): string[] => suggest(schema as Schema, ...at(text)).map(({ label }) => label);

test('keys of the root, without those that are there', () => {
  expect(labels('|')).toEqual(expect.arrayContaining(['apiVersion', 'kind', 'metadata', 'servers', 'deployments']));
  expect(labels('apiVersion: truffle.dev/v1\nkind: Template\n|')).not.toContain('kind');
  expect(labels('ser|\nkind: Template')).not.toContain('kind');
});

test('keys within named things and lists', () => {
  expect(labels('servers:\n  web:\n    |')).toEqual(
    expect.arrayContaining(['count', 'image', 'cpu', 'memory', 'disk']),
  );
  expect(labels('servers:\n  web:\n    count: 1\n    |\n    cpu: 2')).not.toEqual(
    expect.arrayContaining(['count', 'cpu']),
  );
  const steps = 'deployments:\n  web:\n    on: [web]\n    steps:\n';
  expect(labels(`${steps}      - |`)).toEqual(expect.arrayContaining(['name', 'run', 'when']));
  expect(labels(`${steps}      - name: install\n        |`)).toEqual(expect.arrayContaining(['run', 'when']));
  expect(labels(`${steps}      - name: install\n        |`)).not.toContain('name');
  expect(labels(`${steps}      - name: a\n        run: b\n      - |`)).toContain('name');
});

test('values that the schema counts up', () => {
  expect(labels('kind: |')).toEqual(['Template']);
  expect(labels('servers:\n  web:\n    antiAffinity: |')).toEqual(['true', 'false']);
  expect(labels('metadata:\n  name: |')).toEqual([]);
});

test('the place is read of a document that is not whole', () => {
  expect(spotAt(...at('servers:\n  web:\n    count: 1\n\n  # more\n  |'))).toEqual({
    path: ['servers'],
    kind: 'key',
    siblings: ['web'],
  });
  expect(spotAt(...at('servers: { web: {\n|'))).toMatchObject({ kind: 'key' });
});
