import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { KeptOutcome, type Kept } from '@truffle/api/agent/v1/link';
import { HealthState } from '@truffle/api/orchestration/v1/cluster';
import type { NoteServerHealthRequest } from '@truffle/api/orchestration/v1/server_health_service';
import type { SessionRef } from '../command/flow.ts';
import type { ResponseFrame } from './session.ts';
import type { SessionStore } from './standing.ts';

/** Things that an agent did by itself and that one session notes; the rest is told on the next one. */
const mostNoted = 1_000;

/** Orchestration could not be told; the agent keeps the note and says it again on its next session. */
export class HealthUntoldError extends Error {
  override readonly name = 'HealthUntoldError';
  readonly code = 'HEALTH_UNTOLD';
}

/** What orchestration is told of a server's health. */
export type HealthNote = Omit<NoteServerHealthRequest, '$typeName' | '$unknown'>;

/** What the agent of one session did by itself: one note after the other. */
export class KeptNotes {
  readonly #store: Pick<SessionStore, 'noteKept'>;
  readonly #tell: (frame: ResponseFrame) => void;
  #last: Promise<unknown> = Promise.resolve();
  #noted = 0;

  constructor(store: Pick<SessionStore, 'noteKept'>, tell: (frame: ResponseFrame) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  /** Stores the note and acknowledges it; does neither when this session noted enough, or nobody could be told. */
  async note(ref: SessionRef, kept: Kept): Promise<void> {
    if (++this.#noted > mostNoted) return;
    const stored = this.#last.then(() => this.#store.noteKept(ref, kept));
    this.#last = stored.catch(() => undefined);
    try {
      await stored;
    } catch (error) {
      if (error instanceof HealthUntoldError) return;
      throw error;
    }
    this.#tell({ case: 'keptAck', value: { $typeName: 'truffle.agent.v1.KeptAck', n: kept.n } });
  }
}

/** What a note says of its server's health; undefined when it says nothing of that, or of no server. */
export function healthNote(agentId: string, kept: Kept): HealthNote | undefined {
  const health = healthOf[kept.outcome];
  if (health === undefined || !/^srv_[0-9a-hjkmnp-tv-z]{26}$/.test(kept.serverId)) return undefined;
  const time = kept.time === undefined ? Date.now() : timestampMs(kept.time);
  return {
    serverId: kept.serverId,
    agentId,
    health,
    detail: keptDetail(kept),
    // A clock that is ahead must not make every later word an older one.
    time: timestampFromMs(Math.min(time, Date.now())),
  };
}

/** What people are told; PostgreSQL's text takes no NUL. */
export const keptDetail = ({ detail }: Kept): string => detail.replaceAll('\0', '').slice(0, 500);

const healthOf: Readonly<Partial<Record<KeptOutcome, HealthState>>> = {
  [KeptOutcome.REMEDIED]: HealthState.REMEDIED,
  [KeptOutcome.REMEDY_FAILED]: HealthState.UNHEALTHY,
  [KeptOutcome.UNHEALTHY]: HealthState.UNHEALTHY,
  [KeptOutcome.HEALTHY]: HealthState.HEALTHY,
};
