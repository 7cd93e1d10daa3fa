/** What is remembered of one server while it is kept running. */
export interface Keeping {
  /** Starts in a row after which it was found stopped again. */
  readonly failures: number;
  /** Not looked at before. */
  readonly nextAt: number;
  /** When it was started, newest last; those of the last hour. */
  readonly starts: readonly number[];
  /** Why it was left alone when that was last noted; empty for not. */
  readonly left: string;
}

/** What is seen of a server. */
export type Seen =
  /** `hold`: why nothing is to be done to it all the same. */
  | { readonly state: 'running'; readonly hold?: string }
  | { readonly state: 'stopped' }
  /** It is not to be touched. */
  | { readonly state: 'hands off'; readonly why: string };

export const pace = {
  /** Milliseconds between two looks at the servers. */
  lookMs: 30_000,
  /** Milliseconds without a session before anything is done without a gateway. */
  awayMs: 60_000,
  firstBackoffMs: 60_000,
  backoffCapMs: 30 * 60_000,
  hourMs: 3_600_000,
  /** Starts of one server, and of all, in an hour. */
  startsPerServer: 3,
  startsInAll: 20,
} as const;

export const newKeeping: Keeping = { failures: 0, nextAt: 0, starts: [], left: '' };

/** What is to be done now that a server was seen, and what is remembered. Pure; `random` is from 0 up to 1. */
export function judge(
  before: Keeping,
  seen: Seen,
  at: { readonly now: number; readonly random: number; readonly startsInAll: number },
): { readonly after: Keeping; readonly act: 'start' | 'note' | 'nothing'; readonly why: string } {
  const starts = before.starts.filter((when) => at.now - when < pace.hourMs);
  const kept = { ...before, starts };
  switch (seen.state) {
    case 'running': {
      // Up for as long as the back-off was: what stopped it is over.
      const calm = at.now >= before.nextAt;
      return { after: { ...kept, left: '', failures: calm ? 0 : kept.failures }, act: 'nothing', why: '' };
    }
    case 'hands off':
      return leave(kept, seen.why);
    case 'stopped': {
      if (at.now < before.nextAt) return { after: kept, act: 'nothing', why: '' };
      if (starts.length >= pace.startsPerServer)
        return leave(kept, `it was started ${starts.length} times within an hour and does not stay up`);
      if (at.startsInAll >= pace.startsInAll)
        return leave(kept, `${pace.startsInAll} servers were started within an hour: the trouble is not theirs`);
      const wait = Math.min(pace.backoffCapMs, pace.firstBackoffMs * 2 ** kept.failures) * (0.5 + 0.5 * at.random);
      return {
        after: { failures: kept.failures + 1, nextAt: at.now + wait, starts: [...starts, at.now], left: '' },
        act: 'start',
        why: '',
      };
    }
  }
}

/** Says once why nothing is done. */
const leave = (kept: Keeping, why: string): ReturnType<typeof judge> => ({
  after: { ...kept, left: why },
  act: kept.left === why ? 'nothing' : 'note',
  why,
});
