import { create } from '@bufbuild/protobuf';
import { FailureSchema, type Failure } from '@truffle/api/type/v1/failure';
import type { Effect } from '@truffle/api/agent/v1/command';

/** What a person is told about a failure; `reason` is a stable code in UPPER_SNAKE_CASE. */
export interface FailureFacts {
  readonly reason: string;
  /** One sentence: what failed. */
  readonly message: string;
  /** The probable cause, where it is known. */
  readonly cause?: string;
  /** What to do next. */
  readonly remedy?: string;
  /** End of the log of what failed, oldest line first; the last 50 lines of 500 characters each are kept. */
  readonly logTail?: readonly string[];
  /** Whether doing the same again may succeed; false when left out. */
  readonly retryable?: boolean;
  readonly parameters?: Readonly<Record<string, string>>;
  /** What took effect before the failure, where the handler knows better than "some, if a step was intended". */
  readonly effect?: Effect;
}

/** A failure that its thrower has understood. Handlers throw it; anything else thrown becomes INTERNAL. */
export class DecodedFailure extends Error {
  override readonly name = 'DecodedFailure';
  readonly code: string;
  readonly facts: FailureFacts;
  constructor(facts: FailureFacts, options?: ErrorOptions) {
    super(facts.message, options);
    this.code = facts.reason;
    this.facts = facts;
  }
}

const tailLines = 50;
const tailWidth = 500;
const textWidth = 2000;

/** Any throw as a Failure for people; `redact` is applied to every text. An unknown throw keeps its text out of the answer. */
export function decodeFailure(thrown: unknown, redact: (text: string) => string): Failure {
  const facts: FailureFacts =
    thrown instanceof DecodedFailure
      ? thrown.facts
      : {
          reason: 'INTERNAL',
          message: 'The agent failed in a way that it did not expect.',
          remedy: 'Try again; if it fails the same way, look at the log of the agent on the site.',
          retryable: true,
        };
  const text = (given: string | undefined): string => redact(given ?? '').slice(0, textWidth);
  return create(FailureSchema, {
    reason: facts.reason,
    message: text(facts.message),
    cause: text(facts.cause),
    remedy: text(facts.remedy),
    logTail: (facts.logTail ?? []).slice(-tailLines).map((line) => redact(line).slice(0, tailWidth)),
    retryable: facts.retryable ?? false,
    parameters: Object.fromEntries(Object.entries(facts.parameters ?? {}).map(([key, value]) => [key, text(value)])),
  });
}
