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
}

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
  const kind = decodePayload(command.payload)?.op.case;
  const handler = kind === undefined ? undefined : facts.handlers.get(kind);
  if (handler === undefined)
    return reject('UNSUPPORTED', 'This agent does not know this kind of command.', 'Update the agent, then try again.');
  if (handler.needsPermit && !command.needsPermit)
    return reject('PERMIT_REQUIRED', `${handler.kind} takes effect only with a permit.`);
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

function entryFor(command: Command, payloadSha256: Uint8Array, fence: number): NewEntry {
  const timeout = command.runTimeout;
  return {
    id: command.id,
    resourceKey: command.resourceKey,
    fence,
    payload: command.payload,
    payloadSha256,
    runTimeoutMs: timeout === undefined ? 0 : Number(timeout.seconds) * 1000 + Math.floor(timeout.nanos / 1e6),
    needsPermit: command.needsPermit,
    traceparent: command.traceparent,
  };
}

const reject = (reason: string, message: string, remedy = ''): Verdict => ({
  kind: 'reject',
  facts: { reason, message, remedy },
});
