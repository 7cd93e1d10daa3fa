import { afterAll, describe, expect, it } from 'vitest';
import { hostileExpressions, hostileSources } from './hostile.ts';
import { sampleWith } from './fixture.ts';
import { TemplateSandbox } from './sandbox.ts';

const sandbox = new TemplateSandbox({ deadlineMs: 20_000 });
afterAll(() => sandbox.close());

describe('hostile templates are refused with their code and place', () => {
  it.each([...hostileSources, ...hostileExpressions])('$name', async ({ source, code, line, column }) => {
    const result = await sandbox.parse(source);
    expect(result.ok ? 'accepted' : result.problems[0]).toMatchObject({ code, line, column });
  });

  it('leaves no trace in the prototypes', async () => {
    await sandbox.parse('__proto__: { polluted: true }');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('names what was expected in every refusal', async () => {
    for (const { source } of [...hostileSources, ...hostileExpressions]) {
      const result = await sandbox.parse(source);
      for (const found of result.ok ? [] : result.problems) expect(found.expected, found.message).toBeTruthy();
    }
  });
});

describe('harmless cousins are accepted', () => {
  it.each([
    ['a pattern that is catastrophic elsewhere', `"\${{ '${'a'.repeat(60)}!'.matches('^(a+)+$') ? 1 : 2 }}"`],
    ['two levels of loops', '${{ size([1, 2].map(a, [1].filter(b, b == a))) }}'],
    ['white space', '${{\n        params.replicas\n      }}'],
  ])('%s', async (_name, count) => {
    expect(await sandbox.parse(sampleWith('${{ params.replicas }}', count))).toMatchObject({ ok: true });
  });

  it('a byte order mark at the start', async () => {
    expect(await sandbox.parse(`\ufeff${sampleWith('app }', 'app }')}`)).toMatchObject({ ok: true });
  });
});
