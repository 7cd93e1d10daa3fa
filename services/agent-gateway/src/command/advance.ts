import { isTerminal, runGraceMs, type Command, type Outcome } from './command.ts';

/** What happened to a command. */
export type Fact =
  | { readonly kind: 'dispatch' }
  | { readonly kind: 'accepted'; readonly payloadSha256: string }
  /** A place on its resource may be free now. */
  | { readonly kind: 'permit' }
  | { readonly kind: 'rejected'; readonly failure: Uint8Array; readonly retryable: boolean }
  | { readonly kind: 'result'; readonly outcome: Outcome; readonly bytes: Uint8Array }
  | { readonly kind: 'cancel'; readonly failure: Uint8Array }
  | { readonly kind: 'expire'; readonly failure: Uint8Array }
  | { readonly kind: 'sessionLost' }
  /** A session opened; `held` is what its agent's journal says. */
  | { readonly kind: 'reconnected'; readonly held: Held; readonly sameIncarnation: boolean };

/** Where a command stands in the agent's journal. */
export type Held = 'nothing' | 'accepted' | 'running' | 'ended';

/** What a fact is judged by. */
export interface Circumstances {
  /** Unix milliseconds by the database's clock. */
  readonly now: number;
  /** Session and lease are in force, the agent is neither quarantined nor revoked: work may begin. */
  readonly mayBegin: boolean;
  /** Incarnation of the session that the fact came by; empty when it came by none. */
  readonly incarnation: string;
  /** Another command is RUNNING or UNKNOWN on its resource. */
  readonly resourceBusy: boolean;
}

/** What is to be sent once the change is stored. */
export type Word =
  | { readonly kind: 'send' }
  | { readonly kind: 'permit'; readonly permitNo: number }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'ack'; readonly terminal: boolean }
  /** The agent did what no honest agent does: its identity is in question. */
  | { readonly kind: 'violation'; readonly reason: 'PAYLOAD_MISMATCH' | 'EFFECT_WITHOUT_PERMIT' };

export interface Advance {
  readonly command: Command;
  readonly words: readonly Word[];
}

/** The one place where a command moves: what it becomes by `fact`, and what its agent is told. */
export function advance(command: Command, fact: Fact, at: Circumstances): Advance {
  switch (fact.kind) {
    case 'dispatch':
      return dispatch(command, at);
    case 'accepted':
      if (fact.payloadSha256 !== command.payloadSha256)
        return { command, words: [{ kind: 'violation', reason: 'PAYLOAD_MISMATCH' }] };
      return accepted(command, at);
    case 'permit':
      if (command.state === 'ACCEPTED') return begin(command, at);
      // Asked again, since the answer to the commit was lost: the permit was stored and never sent.
      if (command.state === 'RUNNING') return permitAgain(command, at);
      return isTerminal(command.state) ? tell(command, { kind: 'cancel' }) : still(command);
    case 'rejected':
      return rejected(command, fact.failure, fact.retryable, at);
    case 'result':
      return ended(command, fact.outcome, fact.bytes, at);
    case 'cancel':
      return cancel(command, fact.failure, at);
    case 'expire':
      return expire(command, fact.failure, at);
    case 'sessionLost':
      return command.state === 'DISPATCHED' ? { command: { ...command, state: 'QUEUED' }, words: [] } : still(command);
    case 'reconnected':
      return fact.sameIncarnation ? reconnected(command, fact.held, at) : reborn(command);
  }
}

const still = (command: Command): Advance => ({ command, words: [] });
const tell = (command: Command, ...words: Word[]): Advance => ({ command, words });

function dispatch(command: Command, at: Circumstances): Advance {
  if (command.state !== 'QUEUED' || !at.mayBegin || command.cancelRequested || at.now >= command.startBy)
    return still(command);
  return tell({ ...command, state: 'DISPATCHED' }, { kind: 'send' });
}

function accepted(command: Command, at: Circumstances): Advance {
  switch (command.state) {
    case 'QUEUED':
    case 'DISPATCHED':
    case 'ACCEPTED':
      return begin({ ...command, state: 'ACCEPTED', incarnation: at.incarnation }, at);
    case 'RUNNING':
      return permitAgain(command, at);
    case 'UNKNOWN':
      return still(command);
    default:
      return tell(command, { kind: 'cancel' });
  }
}

/** Rule T3: one compare-and-set decides between the permit, a cancel and the deadline. */
function begin(command: Command, at: Circumstances): Advance {
  if (command.cancelRequested || at.now >= command.startBy || !at.mayBegin) return still(command);
  const running = {
    ...command,
    state: 'RUNNING',
    startedAt: command.startedAt ?? at.now,
    runUntil: at.now + command.runTimeoutMs + runGraceMs,
  } as const;
  if (!command.needsPermit) return still(running);
  if (at.resourceBusy) return still(command);
  return tell({ ...running, permitNo: command.permitNo + 1 }, { kind: 'permit', permitNo: command.permitNo + 1 });
}

/** Rule T5: the same permit once more, to the incarnation that it was given to. */
function permitAgain(command: Command, at: Circumstances): Advance {
  if (command.permitNo === 0 || !at.mayBegin || command.incarnation !== at.incarnation) return still(command);
  return tell(command, { kind: 'permit', permitNo: command.permitNo });
}

function rejected(command: Command, failure: Uint8Array, retryable: boolean, at: Circumstances): Advance {
  const open = command.state === 'QUEUED' || command.state === 'DISPATCHED' || command.state === 'ACCEPTED';
  if (!open) return still(command);
  if (retryable) return still({ ...command, state: 'QUEUED' });
  return still({ ...command, state: 'REJECTED', endedAt: at.now, effect: 'NONE', failure });
}

/** Rules T1 and T2: the first result of the incarnation that was permitted ends it, whatever session brings it. */
function ended(command: Command, outcome: Outcome, bytes: Uint8Array, at: Circumstances): Advance {
  const ack: Word = { kind: 'ack', terminal: true };
  if (isTerminal(command.state)) {
    const known =
      command.resultSha256 === outcome.sha256 || (command.resultSha256 === null && outcome.effect === 'NONE');
    return tell(known || command.lateResult !== null ? command : { ...command, lateResult: bytes }, ack);
  }
  const mine = command.incarnation === at.incarnation;
  if (command.needsPermit && (command.permitNo === 0 || !mine)) {
    if (outcome.effect !== 'NONE' || command.permitNo > 0)
      return tell(command, { kind: 'violation', reason: 'EFFECT_WITHOUT_PERMIT' });
    return outcome.state === 'SUCCEEDED'
      ? tell(command, { kind: 'violation', reason: 'EFFECT_WITHOUT_PERMIT' })
      : tell(settle(command, outcome, at), ack);
  }
  // Without a permit a command may end before its acceptance is stored.
  const started =
    command.state === 'RUNNING' || command.state === 'UNKNOWN'
      ? command
      : { ...command, incarnation: at.incarnation, startedAt: at.now };
  return tell(settle(started, outcome, at), ack);
}

const settle = (command: Command, outcome: Outcome, at: Circumstances): Command => ({
  ...command,
  state: outcome.state,
  endedAt: at.now,
  runUntil: null,
  effect: outcome.effect,
  failure: outcome.failure,
  output: outcome.output,
  resultSha256: outcome.sha256,
});

/** Rule T6: what has no permit never takes effect; what has one is asked to stop. */
function cancel(command: Command, failure: Uint8Array, at: Circumstances): Advance {
  switch (command.state) {
    case 'QUEUED':
    case 'DISPATCHED':
    case 'ACCEPTED':
      return tell(
        { ...command, state: 'CANCELLED', cancelRequested: true, endedAt: at.now, effect: 'NONE', failure },
        { kind: 'cancel' },
      );
    case 'RUNNING':
    case 'UNKNOWN':
      return tell({ ...command, cancelRequested: true }, { kind: 'cancel' });
    default:
      return still(command);
  }
}

function expire(command: Command, failure: Uint8Array, at: Circumstances): Advance {
  const waits = command.state === 'QUEUED' || command.state === 'DISPATCHED' || command.state === 'ACCEPTED';
  if (waits && at.now >= command.startBy)
    return tell({ ...command, state: 'EXPIRED', endedAt: at.now, effect: 'NONE', failure }, { kind: 'cancel' });
  if (command.state === 'RUNNING' && command.runUntil !== null && at.now >= command.runUntil)
    return still({ ...command, state: 'UNKNOWN', runUntil: null });
  return still(command);
}

/** What database and journal say of it is brought together: the journal is the same one that accepted it. */
function reconnected(command: Command, held: Held, at: Circumstances): Advance {
  if (isTerminal(command.state))
    return held === 'accepted' || held === 'running' ? tell(command, { kind: 'cancel' }) : still(command);
  const asked: Word[] = command.cancelRequested && held === 'running' ? [{ kind: 'cancel' }] : [];
  if (command.state === 'RUNNING' || command.state === 'UNKNOWN') {
    if (command.needsPermit && command.incarnation !== at.incarnation) return still(command);
    // What was permitted before stays so, whether or not the lease lets anything new begin.
    const again = permitAgain(command, { ...at, mayBegin: true }).words;
    if (held === 'running') return tell(revived(command, at), ...asked);
    if (held === 'accepted') return tell(revived(command, at), ...again, ...asked);
    if (held === 'ended' || command.state === 'UNKNOWN') return still(command);
    return tell(command, { kind: 'send' }, ...again);
  }
  if (held === 'accepted') return begin({ ...command, state: 'ACCEPTED', incarnation: at.incarnation }, at);
  if (held === 'running' && !command.needsPermit) return begin({ ...command, incarnation: at.incarnation }, at);
  if (held === 'ended') return still(command);
  return still(
    command.state === 'DISPATCHED' || command.state === 'ACCEPTED' ? { ...command, state: 'QUEUED' } : command,
  );
}

const revived = (command: Command, at: Circumstances): Command =>
  command.state === 'UNKNOWN'
    ? { ...command, state: 'RUNNING', runUntil: at.now + command.runTimeoutMs + runGraceMs }
    : command;

/** Rule T7: the journal is gone. What was only accepted is free again; what may have taken effect is not known. */
function reborn(command: Command): Advance {
  if (command.state === 'DISPATCHED' || command.state === 'ACCEPTED')
    return still({ ...command, state: 'QUEUED', incarnation: null });
  if (command.state !== 'RUNNING') return still(command);
  if (!command.needsPermit)
    return still({ ...command, state: 'QUEUED', incarnation: null, startedAt: null, runUntil: null });
  return still({ ...command, state: 'UNKNOWN', runUntil: null });
}
