import type { StepState } from './operation.table.ts';

export interface DecidedStep {
  readonly key: string;
  readonly stage: number;
  readonly state: StepState;
}

/** What an operation does next. */
export type Decision =
  | { readonly kind: 'begin'; readonly keys: readonly string[] }
  /** Steps are at work; with `cancel`, they are to be asked to stop. */
  | { readonly kind: 'wait'; readonly cancel: readonly string[] }
  | { readonly kind: 'end'; readonly state: 'SUCCEEDED' | 'FAILED' | 'CANCELLED'; readonly skip: readonly string[] };

/**
 * The next move of an operation, from its steps alone: stages in order, the steps of a stage together; after a failure or a
 * cancel nothing new begins, and it ends when what is at work has ended. Pure.
 */
export function decide(steps: readonly DecidedStep[], cancelRequested: boolean): Decision {
  const active = steps.filter((s) => s.state === 'WAITING' || s.state === 'RUNNING').map((s) => s.key);
  const pending = steps.filter((s) => s.state === 'PENDING');
  const failed = steps.some((s) => s.state === 'FAILED');
  if (failed || cancelRequested) {
    if (active.length > 0) return { kind: 'wait', cancel: cancelRequested ? active : [] };
    const complete = !failed && pending.length === 0 && steps.every((s) => s.state === 'SUCCEEDED');
    if (complete) return { kind: 'end', state: 'SUCCEEDED', skip: [] };
    return { kind: 'end', state: cancelRequested ? 'CANCELLED' : 'FAILED', skip: pending.map((s) => s.key) };
  }
  const open = steps.filter((s) => s.state !== 'SUCCEEDED' && s.state !== 'SKIPPED');
  if (open.length === 0) return { kind: 'end', state: 'SUCCEEDED', skip: [] };
  const stage = Math.min(...open.map((s) => s.stage));
  const next = pending.filter((s) => s.stage === stage).map((s) => s.key);
  return next.length > 0 ? { kind: 'begin', keys: next } : { kind: 'wait', cancel: [] };
}
