import type { LinkResponse } from '@truffle/api/agent/v1/link';
import { frame } from './frame.ts';
import type { Action, Advance, Attempt, DialStep, Input, Live, Moment, Session, StreamNo } from './phase.ts';

/** Each step of a dial. TLS: longer than a gateway lets a connection wait at its door when all agents dial at once, as who gives up there only dials again. */
export const dialMs: Readonly<Record<DialStep, number>> = {
  dns: 5_000,
  tcp: 10_000,
  tls: 30_000,
  http2: 10_000,
};
export const welcomeMs = 15_000;
const healthyMs = 60_000;
const defaultHeartbeatMs = 10_000;
const firstBackoffMs = 1_000;
const backoffCapMs = 120_000;
const refusedCapMs = 300_000;
/** Without a Ready for so long the process may be at fault: it is to start anew. */
const watchdogMs = 15 * 60_000;
const watchdogAgainMs = 60_000;
/** How old a session gets, a quarter more or less, so that agents spread over gateways again. */
const sessionAgeMs = 4 * 3_600_000;
/** Heartbeats missed before a session counts as dead: 30 s at the usual 10 s. */
const beatsMissed = 3;

/** A link that dials at its first tick. @throws RangeError without endpoints */
export function newSession(endpoints: readonly string[], now: number): Session {
  if (endpoints.length === 0) throw new RangeError('no endpoint to dial');
  return {
    phase: { at: 'connecting', attempt: { at: 'waiting', until: now } },
    endpoints,
    endpoint: 0,
    failures: 0,
    lastStream: 0,
    quietSince: now,
  };
}

/** When to come back with a tick; undefined for never. */
export function wakeAt({ phase, quietSince }: Session): number | undefined {
  switch (phase.at) {
    case 'connecting':
      return Math.min(phase.attempt.until, quietSince + watchdogMs);
    case 'ready':
      return Math.min(phase.live.nextBeat, phase.live.deadAt, phase.live.retireAt);
    case 'moving':
      return Math.min(phase.live.nextBeat, phase.live.deadAt, phase.attempt.until);
    case 'stopped':
      return undefined;
  }
}

/** The link after `input`, and what is to be done. Pure. */
export function advance(session: Session, input: Input, moment: Moment): Advance {
  switch (input.on) {
    case 'reached':
      return reached(session, input.stream, input.step, moment);
    case 'connected':
      return connected(session, input.stream, moment);
    case 'frame':
      return received(session, input.stream, input.frame, moment);
    case 'lost':
      return lost(session, input.stream, { cap: input.refused ? refusedCapMs : backoffCapMs, why: '' }, moment);
    case 'tick':
      return tick(session, moment);
    case 'move':
      return move(input.endpoints.length > 0 ? { ...session, endpoints: input.endpoints } : session, moment);
    case 'stop':
      return stop(session);
  }
}

const attemptOf = (session: Session): Attempt | undefined =>
  'attempt' in session.phase ? session.phase.attempt : undefined;
const liveOf = (session: Session): Live | undefined => ('live' in session.phase ? session.phase.live : undefined);

/** The session with another attempt beside the same live stream, if there is one. */
function withAttempt(session: Session, attempt: Attempt): Session {
  const live = liveOf(session);
  return { ...session, phase: live === undefined ? { at: 'connecting', attempt } : { at: 'moving', live, attempt } };
}

/** The session with another live stream beside the same attempt, if there is one. */
function withLive(session: Session, live: Live): Session {
  const attempt = attemptOf(session);
  return { ...session, phase: attempt === undefined ? { at: 'ready', live } : { at: 'moving', live, attempt } };
}

const dialSteps: readonly DialStep[] = ['dns', 'tcp', 'tls', 'http2'];

/** Addresses of one name are dialled side by side: the one that came farthest counts. */
function reached(session: Session, stream: StreamNo, step: DialStep, { now }: Moment): Advance {
  const attempt = attemptOf(session);
  if (attempt?.at !== 'dialing' || attempt.stream !== stream) return [session, []];
  if (dialSteps.indexOf(step) <= dialSteps.indexOf(attempt.step)) return [session, []];
  return [withAttempt(session, { at: 'dialing', stream, step, until: now + dialMs[step] }), []];
}

function connected(session: Session, stream: StreamNo, { now }: Moment): Advance {
  const attempt = attemptOf(session);
  if (attempt?.at !== 'dialing' || attempt.stream !== stream) return [session, []];
  return [withAttempt(session, { at: 'greeting', stream, until: now + welcomeMs }), [{ do: 'greet', stream }]];
}

function received(session: Session, stream: StreamNo, given: LinkResponse['frame'], moment: Moment): Advance {
  const attempt = attemptOf(session);
  if (attempt?.at === 'greeting' && attempt.stream === stream) return greeted(session, stream, given, moment);
  const live = liveOf(session);
  if (live?.stream !== stream) return [session, []];
  const heard = withLive(session, { ...live, deadAt: moment.now + live.heartbeatMs * beatsMissed });
  switch (given.case) {
    case 'command':
    case 'permit':
    case 'resultAck':
    case 'cancel':
    case 'keptAck':
      return [heard, [{ do: 'deliver', frame: given }]];
    case 'drain':
      return session.phase.at === 'ready' ? drain(heard, given.value.reconnectInMs, moment) : [heard, []];
    case 'refusal':
      return refused(heard, stream, given.value, moment);
    case 'welcome':
      return lost(heard, stream, { cap: backoffCapMs, why: 'a second Welcome came' }, moment);
    case 'heartbeat':
    case undefined: // A frame of a newer protocol.
      return [heard, []];
  }
}

function greeted(session: Session, stream: StreamNo, given: LinkResponse['frame'], moment: Moment): Advance {
  if (given.case === 'refusal') return refused(session, stream, given.value, moment);
  // The gateway asks whether this is still alive: the same number says so.
  if (given.case === 'heartbeat')
    return [session, [{ do: 'send', stream, frame: frame({ case: 'heartbeat', value: { n: given.value.n } }) }]];
  if (given.case !== 'welcome')
    return lost(
      session,
      stream,
      { cap: backoffCapMs, why: `${given.case ?? 'an unknown frame'} came before Welcome` },
      moment,
    );
  const { epoch, continuity, endpoints, heartbeatMs } = given.value;
  const every = heartbeatMs > 0 ? heartbeatMs : defaultHeartbeatMs;
  const live: Live = {
    stream,
    epoch,
    heartbeatMs: every,
    beats: 0n,
    nextBeat: moment.now + jittered(every, moment),
    deadAt: moment.now + every * beatsMissed,
    healthyAt: moment.now + healthyMs,
    retireAt: moment.now + sessionAgeMs * (0.75 + 0.5 * moment.random()),
  };
  const old = liveOf(session);
  const next: Session = {
    ...session,
    phase: { at: 'ready', live },
    ...(endpoints.length > 0 ? { endpoints, endpoint: 0 } : {}),
  };
  return [
    next,
    [
      { do: 'store', epoch, continuity, endpoints },
      { do: 'send', stream, frame: frame({ case: 'ready', value: { epoch } }) },
      { do: 'use', stream, epoch },
      ...(old === undefined ? [] : [{ do: 'close', stream: old.stream, why: 'a newer session is ready' } as const]),
    ],
  ];
}

function refused(
  session: Session,
  stream: StreamNo,
  refusal: { reason: string; retryAfterMs: number },
  moment: Moment,
): Advance {
  const retryAfter = refusal.retryAfterMs > 0 ? refusal.retryAfterMs : undefined;
  return lost(session, stream, { cap: refusedCapMs, why: `refused: ${refusal.reason}`, retryAfter }, moment);
}

interface Loss {
  /** Longest back-off, in milliseconds. */
  readonly cap: number;
  /** Why the stream is closed from this side; empty when it is gone already. */
  readonly why: string;
  readonly retryAfter?: number | undefined;
}

function lost(session: Session, stream: StreamNo, loss: Loss, moment: Moment): Advance {
  const close: Action[] = loss.why === '' ? [] : [{ do: 'close', stream, why: loss.why }];
  const attempt = attemptOf(session);
  // Who is refused has been heard: starting anew would change nothing.
  const heard = loss.cap === refusedCapMs ? { ...session, quietSince: moment.now } : session;
  if (attempt !== undefined && attempt.at !== 'waiting' && attempt.stream === stream)
    return [backOff(heard, loss, moment), close];
  const live = liveOf(session);
  if (live?.stream !== stream) return [session, []];
  const quietSince = moment.now;
  if (attempt !== undefined)
    return [{ ...session, quietSince, phase: { at: 'connecting', attempt } }, [...close, { do: 'pause' }]];
  const failures = moment.now >= live.healthyAt ? 0 : session.failures;
  const alone: Session = { ...session, failures, quietSince, phase: { at: 'stopped' } };
  return [backOff(alone, loss, moment), [...close, { do: 'pause' }]];
}

/** Waits before the next attempt: full jitter under a ceiling that doubles, unless the gateway said how long. */
function backOff(session: Session, { cap, retryAfter }: Loss, { now, random }: Moment): Session {
  const ceiling = Math.min(cap, firstBackoffMs * 2 ** session.failures);
  const waiting: Attempt = { at: 'waiting', until: now + (retryAfter ?? random() * ceiling) };
  // Beyond 2^30 the ceiling is the cap in any case.
  return withAttempt(
    { ...session, failures: Math.min(session.failures + 1, 30), endpoint: session.endpoint + 1 },
    waiting,
  );
}

function drain(session: Session, reconnectInMs: number, { now }: Moment): Advance {
  const attempt: Attempt = { at: 'waiting', until: now + Math.max(0, reconnectInMs) };
  return [withAttempt({ ...session, failures: 0, endpoint: session.endpoint + 1 }, attempt), []];
}

/** A ready link opens another session beside its own; one that waits to dial does so at once. */
function move(session: Session, moment: Moment): Advance {
  if (session.phase.at === 'ready') return drain(session, 0, moment);
  if (attemptOf(session)?.at !== 'waiting') return [session, []];
  return [withAttempt({ ...session, failures: 0 }, { at: 'waiting', until: moment.now }), []];
}

function tick(session: Session, moment: Moment): Advance {
  const actions: Action[] = [];
  let current = session;
  const live = liveOf(current);
  if (live !== undefined && moment.now >= live.deadAt) {
    const [next, dead] = lost(
      current,
      live.stream,
      { cap: backoffCapMs, why: 'nothing was heard for too long' },
      moment,
    );
    current = next;
    actions.push(...dead);
  } else if (live !== undefined && moment.now >= live.nextBeat) {
    const beats = live.beats + 1n;
    current = withLive(current, { ...live, beats, nextBeat: moment.now + jittered(live.heartbeatMs, moment) });
    actions.push({ do: 'send', stream: live.stream, frame: frame({ case: 'heartbeat', value: { n: beats } }) });
  }
  if (current.phase.at === 'ready' && moment.now >= current.phase.live.retireAt)
    current = withAttempt(current, { at: 'waiting', until: moment.now });
  if (current.phase.at === 'connecting' && moment.now >= current.quietSince + watchdogMs) {
    current = { ...current, quietSince: moment.now - watchdogMs + watchdogAgainMs };
    actions.push({ do: 'despair' });
  }
  const attempt = attemptOf(current);
  if (attempt === undefined || moment.now < attempt.until) return [current, actions];
  if (attempt.at === 'waiting') {
    const [next, dialed] = dial(current, moment);
    return [next, [...actions, ...dialed]];
  }
  const [next, failed] = lost(current, attempt.stream, { cap: backoffCapMs, why: overdue(attempt) }, moment);
  return [next, [...actions, ...failed]];
}

/** What did not come in time, for a person who looks where it hangs. */
function overdue(attempt: Exclude<Attempt, { at: 'waiting' }>): string {
  if (attempt.at === 'greeting') return `no Welcome within ${welcomeMs / 1_000} s of Hello`;
  const within = `within ${dialMs[attempt.step] / 1_000} s`;
  switch (attempt.step) {
    case 'dns':
      return `DNS: the name was not resolved ${within}; check the resolver`;
    case 'tcp':
      return `TCP: no connection ${within}; check the route and the firewall`;
    case 'tls':
      return `TLS: no handshake ${within}; the gateway is overloaded, or something between holds it up`;
    case 'http2':
      return `HTTP/2: no word ${within} of the TLS handshake; check that a gateway listens there`;
  }
}

function dial(session: Session, { now }: Moment): Advance {
  const stream = session.lastStream + 1;
  const endpoint = session.endpoints[session.endpoint % session.endpoints.length] ?? '';
  const attempt: Attempt = { at: 'dialing', stream, step: 'dns', until: now + dialMs.dns };
  return [{ ...withAttempt(session, attempt), lastStream: stream }, [{ do: 'dial', stream, endpoint }]];
}

function stop(session: Session): Advance {
  const attempt = attemptOf(session);
  const live = liveOf(session);
  const streams = [attempt?.at === 'waiting' ? undefined : attempt?.stream, live?.stream].filter(
    (stream) => stream !== undefined,
  );
  return [
    { ...session, phase: { at: 'stopped' } },
    streams.map((stream) => ({ do: 'close', stream, why: 'the agent stops' }) as const),
  ];
}

/** `ms` give or take a fifth. */
const jittered = (ms: number, { random }: Moment): number => ms * (0.8 + 0.4 * random());
