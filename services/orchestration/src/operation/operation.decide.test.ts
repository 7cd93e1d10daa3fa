import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type DecidedStep } from './operation.decide.ts';
import type { StepState } from './operation.table.ts';

const step = (key: string, stage: number, state: StepState): DecidedStep => ({ key, stage, state });

describe('an operation', () => {
  it('begins a stage when the one before has succeeded', () => {
    expect(decide([step('a', 0, 'PENDING'), step('b', 1, 'PENDING')], false)).toEqual({ kind: 'begin', keys: ['a'] });
    expect(decide([step('a', 0, 'RUNNING'), step('b', 1, 'PENDING')], false)).toEqual({ kind: 'wait', cancel: [] });
    expect(decide([step('a', 0, 'SUCCEEDED'), step('b', 1, 'PENDING'), step('c', 1, 'PENDING')], false)).toEqual({
      kind: 'begin',
      keys: ['b', 'c'],
    });
    expect(decide([step('a', 0, 'SUCCEEDED'), step('b', 1, 'SUCCEEDED')], false)).toEqual({
      kind: 'end',
      state: 'SUCCEEDED',
      skip: [],
    });
  });

  it('lets what is at work end after a failure, and begins nothing new', () => {
    expect(decide([step('a', 0, 'FAILED'), step('b', 0, 'RUNNING'), step('c', 1, 'PENDING')], false)).toEqual({
      kind: 'wait',
      cancel: [],
    });
    expect(decide([step('a', 0, 'FAILED'), step('b', 0, 'SUCCEEDED'), step('c', 1, 'PENDING')], false)).toEqual({
      kind: 'end',
      state: 'FAILED',
      skip: ['c'],
    });
  });

  it('asks what is at work to stop when it is cancelled; a cancel that came too late changes nothing', () => {
    expect(decide([step('a', 0, 'RUNNING'), step('b', 1, 'PENDING')], true)).toEqual({ kind: 'wait', cancel: ['a'] });
    expect(decide([step('a', 0, 'SKIPPED'), step('b', 1, 'PENDING')], true)).toEqual({
      kind: 'end',
      state: 'CANCELLED',
      skip: ['b'],
    });
    expect(decide([step('a', 0, 'SUCCEEDED')], true)).toEqual({ kind: 'end', state: 'SUCCEEDED', skip: [] });
  });

  it('always ends, whatever its steps do', () => {
    const outcomes = fc.constantFrom<StepState>('SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED', 'FAILED', 'SKIPPED');
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(outcomes),
        fc.nat(40),
        (stages, ends, cancelAt) => {
          const steps = stages.map((stage, i) => ({ key: `s${i}`, stage, state: 'PENDING' as StepState }));
          for (let turn = 0; turn < 60; turn++) {
            const decision = decide(steps, turn >= cancelAt);
            if (decision.kind === 'end') {
              expect(steps.some((s) => s.state === 'RUNNING')).toBe(false);
              if (decision.state === 'SUCCEEDED')
                expect(steps.some((s) => s.state === 'FAILED' || s.state === 'PENDING')).toBe(false);
              return;
            }
            if (decision.kind === 'begin')
              for (const s of steps) if (decision.keys.includes(s.key)) s.state = 'RUNNING';
            const running = steps.find((s) => s.state === 'RUNNING');
            if (decision.kind === 'wait' && running !== undefined) running.state = ends.next().value;
          }
          expect.unreachable('the operation did not end');
        },
      ),
    );
  });
});
