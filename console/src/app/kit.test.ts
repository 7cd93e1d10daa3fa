import { globSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const sources = join(import.meta.dirname, '..');
const kit = dirname(createRequire(import.meta.url).resolve('@radix-ui/themes/tokens.css'));
const colors = readdirSync(join(kit, 'tokens', 'colors')).map((name) => name.replace('.css', ''));

test('the stylesheet has every colour that is named somewhere, and no other', () => {
  const css = readFileSync(join(import.meta.dirname, 'kit.css'), 'utf8');
  const has = [...css.matchAll(/colors\/(\w+)\.css/g)].map(([, name = '']) => name);
  const text = globSync('**/*.{ts,tsx,css}', { cwd: sources })
    .filter((path) => !path.endsWith('.test.ts') && !path.startsWith('texts/') && !path.endsWith('kit.css'))
    .map((path) => readFileSync(join(sources, path), 'utf8'))
    .join('\n');
  const named = colors.filter((color) => new RegExp(`['"]${color}['"]|--${color}-`).test(text));
  expect(has.toSorted()).toEqual(named.toSorted());
});
