import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { templateSchema } from './schema.ts';

it('is the one that editors read from template.schema.json', async () => {
  const file = await readFile(new URL('../template.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(file)).toEqual(templateSchema);
});
