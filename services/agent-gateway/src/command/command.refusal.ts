import { fromBinary } from '@bufbuild/protobuf';
import { FailureSchema, type Failure } from '@truffle/api/type/v1/failure';
import type { Command } from './command.ts';

/** What an agent refuses a command with when it is not the site's will, or not orchestration's word. */
const refusals: ReadonlySet<string> = new Set([
  'POLICY_VIOLATION',
  'POLICY_INVALID',
  'SIGNATURE_INVALID',
  'NOT_FOR_THIS_AGENT',
  'START_BY_PASSED',
]);

/** Longest text of the agent's that goes into an event. */
const longest = 500;

/** Why the site refused the command just now; undefined when it did not. Only what the event may hold of the agent's words. */
export function refusedBySite(before: Command, after: Command): Readonly<Record<string, string>> | undefined {
  if (before.state === after.state || (after.state !== 'REJECTED' && after.state !== 'FAILED')) return undefined;
  const failure = readFailure(after.failure);
  if (failure === undefined || !refusals.has(failure.reason)) return undefined;
  const { rule = '', wanted = '', allowed = '' } = failure.parameters;
  const said = { message: failure.message, rule, wanted, allowed };
  return {
    reason: failure.reason,
    ...Object.fromEntries(Object.entries(said).map(([key, text]) => [key, text.slice(0, longest)])),
  };
}

function readFailure(bytes: Uint8Array | null): Failure | undefined {
  return bytes === null ? undefined : fromBinary(FailureSchema, bytes);
}
