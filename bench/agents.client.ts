/**
 * A share of the agents of `agents.ts`, in a process of its own: the agent's own state machine of a session and its dialer, without journal
 * and site; or bare streams that send eight bytes as often. Usage: node bench/agents.client.ts <agents.json>; told and asked by messages.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { create } from '@bufbuild/protobuf';
import { HelloSchema } from '@truffle/api/agent/v1/link';
import { frame } from '../agent/src/link/frame.ts';
import { grpcDialer } from '../agent/src/link/grpc.ts';
import type { Session } from '../agent/src/link/phase.ts';
import { advance, newSession, wakeAt } from '../agent/src/link/session.ts';
import type { Stream } from '../agent/src/link/stream.ts';
import { bareClient, openEcho, type BareKeys } from './bare-grpc.ts';

/** What the process is given to play. */
export interface Cast {
  readonly endpoint: string;
  readonly bare: boolean;
  readonly authority: string;
  readonly key: string;
  readonly serverName: string;
  readonly certificates: readonly string[];
}

/** What it answers to `look`. */
export interface Look {
  readonly ready: number;
  readonly beats: number;
  /** Milliseconds from the last `mark` until each of those that lost their stream since was ready again. */
  readonly back: readonly number[];
  /** Streams that were lost since the last mark, by what was said. */
  readonly lost: Readonly<Record<string, number>>;
}

const now = (): number => performance.now();
const tally = { ready: 0, beats: 0, markedAt: 0, back: [] as number[], lost: new Map<string, number>() };

/**
 * Dials that are due in this process: some in each turn of its loop, for a few milliseconds. Thousands of agents that share one process would
 * else dial in one turn of many seconds in which none hears its answers, and give up for a slowness that no agent on its own machine knows.
 */
const dials: (() => void)[] = [];
const dialsTurnMs = 4;

function soon(dial: () => void): void {
  if (dials.push(dial) === 1) setImmediate(dialSome);
}

function dialSome(): void {
  const until = now() + dialsTurnMs;
  let dialled = 0;
  while (dialled < dials.length && now() < until) dials[dialled++]?.();
  dials.splice(0, dialled);
  if (dials.length > 0) setImmediate(dialSome);
}

function becameReady(): void {
  tally.ready++;
  tally.back.push(now() - tally.markedAt);
}

function noteLoss(why: string): void {
  tally.lost.set(why, (tally.lost.get(why) ?? 0) + 1);
}

const isToDial = ({ phase }: Session): boolean => 'attempt' in phase && phase.attempt.at === 'waiting';

/** Plays one agent by the agent's own rules. */
function play(cast: Cast, certificate: string): void {
  const { authority: authorities, key, serverName } = cast;
  const dialer = grpcDialer(() => ({ certificate, key, authorities, serverName }));
  const streams = new Map<number, Stream>();
  const incarnation = randomUUID();
  let session: Session = newSession([cast.endpoint], now());
  let continuity: Uint8Array = new Uint8Array();
  let lsn = 1n;
  let timer: NodeJS.Timeout | undefined;
  const hello = () =>
    create(HelloSchema, {
      protocolMin: 1,
      protocolMax: 1,
      incarnation,
      journalLsn: lsn,
      continuity,
      version: '0.0.0',
      capabilities: ['ping', 'ensureServer', 'deleteServer', 'runDeployment'],
      maxInFlight: 16,
    });
  const input = (given: Parameters<typeof advance>[1]): void => {
    const [next, actions] = advance(session, given, { now: now(), random: Math.random });
    session = next;
    for (const action of actions)
      switch (action.do) {
        case 'dial':
          streams.set(
            action.stream,
            dialer.dial(action.endpoint, {
              reached: (step) => input({ on: 'reached', stream: action.stream, step }),
              connected: () => input({ on: 'connected', stream: action.stream }),
              received: (response) => input({ on: 'frame', stream: action.stream, frame: response.frame }),
              drained: () => undefined,
              lost: ({ refused, detail }) => {
                noteLoss(detail.replaceAll(/\d+/g, '#').slice(0, 80));
                streams.delete(action.stream);
                input({ on: 'lost', stream: action.stream, refused });
              },
            }),
          );
          break;
        case 'greet':
          streams.get(action.stream)?.send(frame({ case: 'hello', value: hello() }));
          break;
        case 'store':
          continuity = action.continuity;
          lsn++;
          break;
        case 'send':
          if (action.frame.frame.case === 'heartbeat') tally.beats++;
          streams.get(action.stream)?.send(action.frame);
          break;
        case 'use':
          becameReady();
          break;
        case 'pause':
          tally.ready--;
          break;
        case 'close':
          noteLoss(action.why.slice(0, 80));
          streams.get(action.stream)?.close();
          streams.delete(action.stream);
          break;
        case 'deliver':
          break;
      }
    clearTimeout(timer);
    const at = wakeAt(session);
    const tick = (): void => (isToDial(session) ? soon(() => input({ on: 'tick' })) : input({ on: 'tick' }));
    timer = at === undefined ? undefined : setTimeout(tick, Math.max(0, at - now()));
  };
  input({ on: 'tick' });
}

/** Plays one bare stream: dialled again with the same back-off, ready at its first echo. */
function playBare(endpoint: string, keys: BareKeys, failures = 0): void {
  const client = bareClient(endpoint, keys, {
    'grpc.keepalive_time_ms': 15_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 1,
    // Else a closed channel connects once more by itself: the agent's own dialer forbids it in another way.
    'grpc.initial_reconnect_backoff_ms': 600_000,
    'grpc.max_reconnect_backoff_ms': 600_000,
  });
  const call = openEcho(client);
  let beat: NodeJS.Timeout | undefined;
  let ready = false;
  const say = (): void => {
    tally.beats++;
    call.write(Buffer.alloc(8));
    beat = setTimeout(say, 10_000 * (0.8 + 0.4 * Math.random()));
  };
  const late = setTimeout(() => call.cancel(), 25_000);
  call.on('data', () => {
    if (ready) return;
    ready = true;
    clearTimeout(late);
    becameReady();
  });
  call.on('error', () => undefined);
  call.on('status', (status) => {
    noteLoss(status.details.replaceAll(/\d+/g, '#').slice(0, 80));
    clearTimeout(beat);
    clearTimeout(late);
    client.close();
    if (ready) tally.ready--;
    const failed = ready ? 0 : failures + 1;
    setTimeout(
      () => soon(() => playBare(endpoint, keys, failed)),
      Math.random() * Math.min(120_000, 1_000 * 2 ** failed),
    );
  });
  say();
}

const [, , file = ''] = process.argv;
const cast = JSON.parse(readFileSync(file, 'utf8')) as Cast;
process.once('disconnect', () => process.exit());
process.on(
  'message',
  (word: { readonly do: 'mark' | 'count' | 'look' } | { readonly do: 'start'; readonly perSecond: number }) => {
    if (word.do === 'mark') Object.assign(tally, { markedAt: now(), back: [], lost: new Map() });
    else if (word.do === 'start')
      cast.certificates.forEach((certificate, at) => {
        const begin = (): void =>
          cast.bare ? playBare(cast.endpoint, { ...cast, certificate }) : play(cast, certificate);
        setTimeout(() => soon(begin), (at * 1000) / word.perSecond);
      });
    process.send?.({
      ready: tally.ready,
      beats: tally.beats,
      // Long, and not free to tell: only to who looks.
      back: word.do === 'look' ? tally.back : [],
      lost: Object.fromEntries(tally.lost),
    } satisfies Look);
  },
);
