import { createHash } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { CommandPayloadSchema, type Command, type CommandPayload } from '@truffle/api/agent/v1/command';
import type { Entry, NewEntry } from '../journal/entry.ts';
import type { CommandHandler } from './effect.ts';
import type { FailureFacts } from './failure.ts';

/** Commands that the journal holds at most; more are refused until some are settled. */
export const journalLimit = 256;

/** What the agent knows when a command comes. */
export interface IntakeFacts {
  readonly handlers: ReadonlyMap<string, CommandHandler>;
  /** The journal's entry of the same id. */
  readonly known: Entry | undefined;
  /** Highest fence seen for the resource. */
  readonly fence: number | undefined;
  /** Commands in the journal. */
  readonly held: number;
  readonly gate: Gate;
}

/** A command that came, understood. */
export interface Asked {
  readonly command: Command;
  readonly payload: CommandPayload;
  /** Of its kind, whatever the command says: it neither changes nor tells anything. */
  readonly harmless: boolean;
}

/** Why a command is not taken although it is well-formed; undefined when it is: whose word it is, and what the site's policy says to it. */
export type Gate = (asked: Asked) => FailureFacts | undefined;

/** What is to be done with a command. */
export type Verdict =
  | { readonly kind: 'take'; readonly entry: NewEntry }
  | { readonly kind: 'known'; readonly entry: Entry }
  | { readonly kind: 'reject'; readonly facts: FailureFacts };

/** Judges a command that came. Rejecting leaves no trace: the same command is judged anew when it comes again. */
export function judge(command: Command, facts: IntakeFacts): Verdict {
  const sha256 = createHash('sha256').update(command.payload).digest();
  if (!sha256.equals(command.payloadSha256))
    return reject('PAYLOAD_MISMATCH', 'The payload is not the one that its hash says.');
  if (facts.known !== undefined) {
    return sha256.equals(facts.known.payloadSha256)
      ? { kind: 'known', entry: facts.known }
      : reject('PAYLOAD_MISMATCH', 'Another payload is known under this id.');
  }
  const payload = decodePayload(command.payload);
  const handler = facts.handlers.get(payload?.op.case ?? '');
  if (payload === undefined || handler === undefined)
    return reject('UNSUPPORTED', 'This agent does not know this kind of command.', 'Update the agent, then try again.');
  if (handler.needsPermit && !command.needsPermit)
    return reject('PERMIT_REQUIRED', `${handler.kind} takes effect only with a permit.`);
  const refusal = facts.gate({ command, payload, harmless: handler.harmless === true });
  if (refusal !== undefined) return { kind: 'reject', facts: refusal };
  const fence = Number(command.fence);
  if (facts.fence !== undefined && fence < facts.fence)
    return reject('FENCED', `A newer intent on ${command.resourceKey} is known.`);
  if (facts.held >= journalLimit)
    return {
      kind: 'reject',
      facts: { reason: 'NOT_ACCEPTING', message: 'The agent holds as many commands as it can.', retryable: true },
    };
  return { kind: 'take', entry: entryFor(command, sha256, fence) };
}

/** The payload; undefined when it does not parse. */
export function decodePayload(bytes: Uint8Array): CommandPayload | undefined {
  try {
    return fromBinary(CommandPayloadSchema, bytes);
  } catch {
    return undefined;
  }
}

/** How long the command may run, in milliseconds; 0 when it does not say. */
export const runTimeoutOf = ({ runTimeout }: Command): number =>
  runTimeout === undefined ? 0 : Number(runTimeout.seconds) * 1000 + Math.floor(runTimeout.nanos / 1e6);

function entryFor(command: Command, payloadSha256: Uint8Array, fence: number): NewEntry {
  return {
    id: command.id,
    resourceKey: command.resourceKey,
    fence,
    payload: command.payload,
    payloadSha256,
    runTimeoutMs: runTimeoutOf(command),
    needsPermit: command.needsPermit,
    traceparent: command.traceparent,
  };
}

const reject = (reason: string, message: string, remedy = ''): Verdict => ({
  kind: 'reject',
  facts: { reason, message, remedy },
});
