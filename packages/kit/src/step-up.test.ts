import { describe, expect, test } from 'vitest';
import { nobody } from './caller.ts';
import { demandStepUp, stepUpMs, StepUpRequiredProblem } from './step-up.ts';

describe('a dangerous action', () => {
  const now = 1_000_000_000;
  const session = { ...nobody, subject: 'user:usr_1', sessionId: 'ses_1' };

  test('is open for ten minutes after a proof', () => {
    expect(() => demandStepUp({ ...session, authenticatedAt: now - stepUpMs + 1 }, now)).not.toThrow();
    expect(() => demandStepUp({ ...session, authenticatedAt: now - stepUpMs }, now)).toThrow(StepUpRequiredProblem);
    expect(() => demandStepUp(session, now)).toThrow(StepUpRequiredProblem);
  });

  test('is open to keys and services, which have no session', () => {
    expect(() => demandStepUp({ ...nobody, subject: 'key:key_1' }, now)).not.toThrow();
    expect(() => demandStepUp({ ...nobody, subject: 'svc:billing' }, now)).not.toThrow();
  });
});
