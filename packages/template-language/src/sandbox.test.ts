import { afterEach, describe, expect, it } from 'vitest';
import { sampleSource, sampleWith } from './fixture.ts';
import { TemplateSandbox } from './sandbox.ts';

const open: TemplateSandbox[] = [];
function sandboxOf(...options: ConstructorParameters<typeof TemplateSandbox>): TemplateSandbox {
  const sandbox = new TemplateSandbox(...options);
  open.push(sandbox);
  return sandbox;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((sandbox) => sandbox.close()));
});

/** Each output costs tens of milliseconds within its own budget: together they take seconds. */
const slow = sampleWith(
  'outputs:\n',
  `outputs:\n${Array.from({ length: 45 }, (_, at) => `  slow${at}: "\${{ [${'1,'.repeat(45)}1].map(a, [${'1,'.repeat(45)}1].map(b, a + b + a * b - a + b)).map(c, size(c)).filter(d, d > 0)[0] }}"\n`).join('')}`,
);

describe('TemplateSandbox', () => {
  it('gives the same answer as the thread of the caller', async () => {
    const result = await sandboxOf().parse(sampleSource);
    expect(result).toMatchObject({ ok: true, digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
  });

  it('ends a job at its deadline, names the expression in work, and goes on with the next', async () => {
    const sandbox = sandboxOf({ threads: 1, deadlineMs: 400 });
    await sandbox.parse(sampleSource);
    const [ended, next] = await Promise.all([sandbox.parse(slow), sandbox.parse('kind: x')]);
    expect(ended).toMatchObject({
      ok: false,
      problems: [
        {
          code: 'EXPRESSION_TOO_EXPENSIVE',
          path: expect.stringMatching(/^outputs\.slow\d+$/),
          line: expect.any(Number),
          column: expect.any(Number),
        },
      ],
    });
    expect(next).toMatchObject({ ok: false });
    expect(next.ok ? [] : next.problems.map((each) => each.code)).toContain('MISSING_KEY');
  });

  it("ends a job at its memory's ceiling", async () => {
    const sandbox = sandboxOf({ threads: 1, heapMb: 24, deadlineMs: 20_000 });
    const result = await sandbox.load(Array.from({ length: 2_000_000 }, (_, at) => ({ at })));
    expect(result).toMatchObject({ ok: false, problems: [{ code: 'TEMPLATE_TOO_EXPENSIVE' }] });
  });

  it('refuses more than may wait', async () => {
    const sandbox = sandboxOf({ threads: 1, queue: 1 });
    const first = sandbox.parse(sampleSource);
    const second = sandbox.parse(sampleSource);
    await expect(sandbox.parse(sampleSource)).rejects.toMatchObject({ code: 'SANDBOX_BUSY' });
    expect(await first).toEqual(await second);
  });

  it('refuses what waits when it is closed', async () => {
    const sandbox = sandboxOf({ threads: 1 });
    const running = sandbox.parse(sampleSource);
    const waiting = sandbox.parse(sampleSource);
    await Promise.all([
      expect(running).rejects.toMatchObject({ code: 'SANDBOX_FAILED' }),
      expect(waiting).rejects.toMatchObject({ code: 'SANDBOX_CLOSED' }),
      sandbox.close(),
    ]);
    await expect(sandbox.parse(sampleSource)).rejects.toMatchObject({ code: 'SANDBOX_CLOSED' });
  });
});
