import { create, toBinary } from '@bufbuild/protobuf';
import { FailureSchema } from '@truffle/api/type/v1/failure';
import { describe, expect, it } from 'vitest';
import type { Command, CommandState } from './command.ts';
import { refusedBySite } from './command.refusal.ts';

const command = (state: CommandState, reason = ''): Command => ({
  id: 'cmd_a',
  agentId: 'agt_a',
  resourceKey: 'r',
  needsPermit: true,
  payloadSha256: '',
  startBy: 0,
  runTimeoutMs: 1,
  state,
  permitNo: 0,
  cancelRequested: false,
  incarnation: null,
  startedAt: null,
  endedAt: null,
  runUntil: null,
  effect: 'UNSPECIFIED',
  failure: reason === '' ? null : toBinary(FailureSchema, create(FailureSchema, { reason })),
  output: null,
  resultSha256: null,
  lateResult: null,
});

describe('a refusal by the site', () => {
  it.each<[CommandState, CommandState, string, string | undefined]>([
    ['DISPATCHED', 'REJECTED', 'POLICY_VIOLATION', 'POLICY_VIOLATION'],
    // The policy or the time was another one when it was to begin.
    ['RUNNING', 'FAILED', 'POLICY_VIOLATION', 'POLICY_VIOLATION'],
    ['UNKNOWN', 'FAILED', 'POLICY_INVALID', 'POLICY_INVALID'],
    ['DISPATCHED', 'REJECTED', 'FENCED', undefined],
    ['RUNNING', 'FAILED', 'STEP_FAILED', undefined],
    ['RUNNING', 'FAILED', '', undefined],
    ['REJECTED', 'REJECTED', 'POLICY_VIOLATION', undefined],
    ['RUNNING', 'UNKNOWN', 'POLICY_VIOLATION', undefined],
    ['QUEUED', 'EXPIRED', 'POLICY_VIOLATION', undefined],
  ])('from %s to %s with %s: %s', (from, to, reason, noted) => {
    expect(refusedBySite(command(from), command(to, reason))?.['reason']).toBe(noted);
  });
});
