import { parseTemplateHere } from '@truffle/template-language';
import { expect, test } from 'vitest';
import { starter } from './starter.ts';

test('what a new template begins with is a template', () => {
  expect(parseTemplateHere(starter)).toMatchObject({ ok: true });
});
