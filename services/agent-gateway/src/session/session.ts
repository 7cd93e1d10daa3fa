import type { Hello, LinkRequest, LinkResponse } from '@truffle/api/agent/v1/link';

export type RequestFrame = LinkRequest['frame'];
export type ResponseFrame = LinkResponse['frame'];
export type WorkFrame = Extract<
  RequestFrame,
  { case: 'accepted' | 'rejected' | 'progress' | 'logs' | 'result' | 'inventory' | 'kept' }
>;

/** Milliseconds that each phase may take, and what counts as a sign of life. */
export const pace = {
  helloMs: 15_000,
  openMs: 15_000,
  readyMs: 10_000,
  confirmMs: 15_000,
  heartbeatMs: 10_000,
  deadMs: 30_000,
} as const;

/**
 * Where a stream stands. hello: waits for the first frame. opening: the session is being stored. offered: Welcome is sent.
 * confirming: the agent's Ready is being stored. online: work flows. ended: nothing follows. doubted: what the Hello said is in conflict with
 * what is stored; only who answers a heartbeat now is no echo of a connection that its agent left long ago.
 */
export type Phase = 'hello' | 'opening' | 'doubted' | 'offered' | 'confirming' | 'online' | 'ended';

export interface SessionState {
  readonly phase: Phase;
  /** Monotonic milliseconds of the phase's beginning, of the last frame heard and of the last heartbeat sent. */
  readonly since: number;
  readonly heardAt: number;
  readonly beatAt: number;
  readonly beats: bigint;
  /** Fencing number; 0 until the session is stored. */
  readonly epoch: number;
  /** What it is doubted for, until it answered. */
  readonly doubt?: Doubt | undefined;
}

/** What an identity in conflict is quarantined for. */
export interface Doubt {
  readonly reason: string;
  readonly message: string;
}

export type SessionInput =
  | { readonly kind: 'frame'; readonly frame: RequestFrame }
  | { readonly kind: 'opened'; readonly epoch: number; readonly welcome: ResponseFrame }
  | { readonly kind: 'doubted'; readonly doubt: Doubt }
  | { readonly kind: 'confirmed' }
  /** The stream is to end: refused, superseded, revoked, drained. */
  | { readonly kind: 'dismissed'; readonly reason: string; readonly message: string; readonly retryAfterMs: number }
  | { readonly kind: 'tick' }
  | { readonly kind: 'streamEnded' };

export type SessionEffect =
  | { readonly kind: 'open'; readonly hello: Hello }
  | { readonly kind: 'send'; readonly frame: ResponseFrame }
  | { readonly kind: 'confirm'; readonly epoch: number }
  | { readonly kind: 'begin' }
  /** The conflict is real: who caused it is alive. */
  | { readonly kind: 'quarantine'; readonly doubt: Doubt }
  | { readonly kind: 'work'; readonly frame: WorkFrame }
  /** The last effect of a session. `why` is for the log and for the event. */
  | { readonly kind: 'finish'; readonly why: string; readonly wasStored: boolean };

export const newSession = (now: number): SessionState => ({
  phase: 'hello',
  since: now,
  heardAt: now,
  beatAt: now,
  beats: 0n,
  epoch: 0,
});

type Turn = { readonly state: SessionState; readonly effects: readonly SessionEffect[] };

/** One step of a session: no clock, disk or network in here. `now` is monotonic milliseconds. */
export function turn(state: SessionState, input: SessionInput, now: number): Turn {
  if (state.phase === 'ended') return { state, effects: [] };
  switch (input.kind) {
    case 'frame':
      return heard({ ...state, heardAt: now }, input.frame, now);
    case 'opened':
      if (state.phase !== 'opening') return { state, effects: [] };
      return {
        state: { ...state, phase: 'offered', since: now, epoch: input.epoch },
        effects: [{ kind: 'send', frame: input.welcome }],
      };
    case 'doubted':
      if (state.phase !== 'opening') return { state, effects: [] };
      return beat({ ...state, phase: 'doubted', since: now, doubt: input.doubt }, now);
    case 'confirmed':
      if (state.phase !== 'confirming') return { state, effects: [] };
      return { state: { ...state, phase: 'online', since: now, beatAt: now }, effects: [{ kind: 'begin' }] };
    case 'dismissed':
      return dismiss(state, input.reason, input.message, input.retryAfterMs);
    case 'tick':
      return tick(state, now);
    case 'streamEnded':
      return finish(state, 'STREAM_ENDED');
  }
}

function heard(state: SessionState, frame: RequestFrame, now: number): Turn {
  switch (frame.case) {
    case 'hello':
      if (state.phase !== 'hello') return violation(state, 'a second Hello');
      return { state: { ...state, phase: 'opening', since: now }, effects: [{ kind: 'open', hello: frame.value }] };
    case 'ready':
      if (state.phase !== 'offered' || Number(frame.value.epoch) !== state.epoch)
        return violation(state, 'a Ready for no offer');
      return {
        state: { ...state, phase: 'confirming', since: now },
        effects: [{ kind: 'confirm', epoch: state.epoch }],
      };
    case 'heartbeat':
      if (state.phase === 'hello') return violation(state, 'a frame before Hello');
      if (state.phase !== 'doubted' || state.doubt === undefined || frame.value.n !== state.beats)
        return { state, effects: [] };
      return {
        state: { ...state, since: now, doubt: undefined },
        effects: [{ kind: 'quarantine', doubt: state.doubt }],
      };
    case 'accepted':
    case 'rejected':
    case 'progress':
    case 'logs':
    case 'result':
    case 'inventory':
    case 'kept':
      // An agent may speak as soon as it sent its Ready: what it says is kept in order behind the confirmation.
      if (state.phase !== 'online' && state.phase !== 'confirming') return violation(state, 'work before Ready');
      return { state, effects: [{ kind: 'work', frame }] };
    case undefined:
      // A frame of a newer protocol: unknown fields are ignored.
      return { state, effects: [] };
  }
}

const phaseMs: Record<Exclude<Phase, 'online' | 'ended'>, number> = {
  hello: pace.helloMs,
  opening: pace.openMs,
  doubted: pace.readyMs,
  offered: pace.readyMs,
  confirming: pace.confirmMs,
};

function tick(state: SessionState, now: number): Turn {
  if (state.phase === 'ended') return { state, effects: [] };
  if (state.phase !== 'online') {
    if (now - state.since < phaseMs[state.phase]) return { state, effects: [] };
    return dismiss(state, 'PHASE_DEADLINE', `the session did not get beyond ${state.phase} in time`, 0);
  }
  if (now - state.heardAt >= pace.deadMs) return finish(state, 'HEARTBEAT_LOST');
  if (now - state.beatAt < pace.heartbeatMs) return { state, effects: [] };
  return beat(state, now);
}

function beat(state: SessionState, now: number): Turn {
  const beats = state.beats + 1n;
  const frame: ResponseFrame = { case: 'heartbeat', value: { $typeName: 'truffle.agent.v1.Heartbeat', n: beats } };
  return { state: { ...state, beatAt: now, beats }, effects: [{ kind: 'send', frame }] };
}

const violation = (state: SessionState, what: string): Turn =>
  dismiss(state, 'PROTOCOL_VIOLATION', `the stream carried ${what}`, 0);

function dismiss(state: SessionState, reason: string, message: string, retryAfterMs: number): Turn {
  const frame: ResponseFrame = {
    case: 'refusal',
    value: { $typeName: 'truffle.agent.v1.Refusal', reason, message, retryAfterMs },
  };
  const ended = finish(state, reason);
  return { state: ended.state, effects: [{ kind: 'send', frame }, ...ended.effects] };
}

const finish = (state: SessionState, why: string): Turn => ({
  state: { ...state, phase: 'ended' },
  effects: [{ kind: 'finish', why, wasStored: state.epoch > 0 }],
});
