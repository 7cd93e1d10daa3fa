import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { CommandHandler } from './effect.ts';

/** Answers at once and touches nothing: measures the way to the agent and back. */
export const pingHandler: CommandHandler = {
  kind: 'ping',
  needsPermit: false,
  harmless: true,
  run: async ({ payload }) => {
    const nonce = payload.op.case === 'ping' ? payload.op.value.nonce : '';
    return {
      outcome: Outcome.SUCCEEDED,
      effect: Effect.NONE,
      output: create(CommandOutputSchema, { output: { case: 'pong', value: { nonce } } }),
    };
  },
};
