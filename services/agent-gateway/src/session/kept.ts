import type { Kept } from '@truffle/api/agent/v1/link';
import type { SessionRef } from '../command/flow.ts';
import type { ResponseFrame } from './session.ts';
import type { SessionStore } from './standing.ts';

/** Things that an agent did by itself and that one session notes; the rest is told on the next one. */
const mostNoted = 1_000;

/** What the agent of one session did while no gateway was there: one note after the other. */
export class KeptNotes {
  readonly #store: Pick<SessionStore, 'noteKept'>;
  readonly #tell: (frame: ResponseFrame) => void;
  #last: Promise<unknown> = Promise.resolve();
  #noted = 0;

  constructor(store: Pick<SessionStore, 'noteKept'>, tell: (frame: ResponseFrame) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  /** Stores the note and acknowledges it; does neither when this session noted enough. */
  async note(ref: SessionRef, kept: Kept): Promise<void> {
    if (++this.#noted > mostNoted) return;
    const stored = this.#last.then(() => this.#store.noteKept(ref, kept));
    this.#last = stored.catch(() => undefined);
    await stored;
    this.#tell({ case: 'keptAck', value: { $typeName: 'truffle.agent.v1.KeptAck', n: kept.n } });
  }
}
