import { describe, expect, it } from 'vitest';
import { sampleSource, sampleWith } from './fixture.ts';
import { loadTemplate, parseTemplateHere } from './parse.ts';

describe('a template that holds', () => {
  it('keeps its digest when only its layout changes', () => {
    const plain = parseTemplateHere(sampleSource);
    const spaced = parseTemplateHere(`# a comment\n${sampleSource.replace('cpu: 2, memory', 'cpu:   2,   memory')}`);
    const other = parseTemplateHere(sampleWith('cpu: 2, memory', 'cpu: 3, memory'));
    if (!plain.ok || !spaced.ok || !other.ok) throw new Error('the sample must hold');
    expect(spaced.digest).toBe(plain.digest);
    expect(other.digest).not.toBe(plain.digest);
  });

  it('survives being stored as JSON', () => {
    const parsed = parseTemplateHere(sampleSource);
    if (!parsed.ok) throw new Error('the sample must hold');
    expect(loadTemplate(JSON.parse(JSON.stringify(parsed.template)))).toEqual(parsed);
  });

  it('is refused with paths when stored JSON was tampered with', () => {
    expect(loadTemplate({ kind: 'Template' })).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([expect.objectContaining({ path: 'servers', line: 0, column: 0 })]),
    });
    expect(loadTemplate(null)).toMatchObject({ ok: false, problems: [{ code: 'WRONG_TYPE', path: '' }] });
  });
});
