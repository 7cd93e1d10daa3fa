/** What is remembered, across restarts, of one server whose health is watched. Times are milliseconds since 1970. */
export interface Remedying {
  /** Remedies since it was last healthy for long enough. */
  readonly tries: number;
  /** Not remedied before. */
  readonly nextAt: number;
  /** When it was remedied; those of the last hour. */
  readonly at: readonly number[];
  /** Why it is left unhealthy, as that was noted; empty for not. */
  readonly left: string;
  /** Whether something was noted since it was healthy. */
  readonly noted: boolean;
  /** What is being done to it; empty for nothing. */
  readonly acting: string;
}

/** What is found of a server. */
export type Finding =
  | { readonly state: 'healthy' }
  /** Something is amiss, and not for long enough to say so, or not as a health check can tell. */
  | { readonly state: 'unclear' }
  /** `hold`: why nothing may be done about it; empty for nothing. `graceMs`: how long it may take to become healthy. */
  | { readonly state: 'unhealthy'; readonly wrong: string; readonly hold: string; readonly graceMs: number };

export const remedyPace = {
  /** Milliseconds between two rounds, a fifth more or less. */
  roundMs: 30_000,
  /** Servers that are asked, and that are remedied, at once. */
  asksAtOnce: 8,
  remediesAtOnce: 4,
  firstBackoffMs: 60_000,
  backoffCapMs: 30 * 60_000,
  hourMs: 3_600_000,
  /** Remedies in a row that did not help. */
  triesInARow: 3,
  /** Remedies of one server, and of all, in an hour. */
  perServer: 3,
  inAll: 20,
} as const;

export const newRemedying: Remedying = { tries: 0, nextAt: 0, at: [], left: '', noted: false, acting: '' };

export interface Judgement {
  readonly after: Remedying;
  readonly act: 'remedy' | 'leave' | 'healthy' | 'nothing';
  readonly why: string;
}

/**
 * What is to be done now that a server was looked at, and what is remembered. Pure; `random` is from 0 up to 1, `inAll` counts the remedies
 * of all servers in the last hour.
 */
export function judgeHealth(
  before: Remedying,
  found: Finding,
  { now, random, inAll }: { readonly now: number; readonly random: number; readonly inAll: number },
): Judgement {
  const at = before.at.filter((when) => isRecent(when, now));
  // A clock that was set back must not hold a remedy up for longer than the longest back-off.
  const nextAt = Math.min(before.nextAt, now + remedyPace.backoffCapMs + longestGraceMs);
  const kept: Remedying = { ...before, at, nextAt };
  if (found.state === 'unclear') return nothing(kept);
  if (found.state === 'healthy') {
    const calm = now >= nextAt;
    const after = { ...kept, left: '', noted: false, tries: calm ? 0 : kept.tries };
    return before.noted ? { after, act: 'healthy', why: '' } : nothing(after);
  }
  const { wrong, hold, graceMs } = found;
  if (hold !== '') return leave(kept, wrong, hold);
  if (now < nextAt) return nothing(kept);
  if (kept.tries >= remedyPace.triesInARow)
    return leave(kept, wrong, `its remedy was applied ${kept.tries} times and did not help`);
  if (at.length >= remedyPace.perServer)
    return leave(kept, wrong, `it was remedied ${at.length} times within an hour and does not stay healthy`);
  if (inAll >= remedyPace.inAll)
    return leave(kept, wrong, `${inAll} servers were remedied within an hour: the trouble is not theirs`);
  const backOff = Math.min(remedyPace.backoffCapMs, remedyPace.firstBackoffMs * 2 ** kept.tries);
  // Until it had its time to become healthy nothing is known; the back-off comes on top of that.
  const wait = Math.min(graceMs, longestGraceMs) + backOff * (0.5 + 0.5 * random);
  const after = { ...kept, tries: kept.tries + 1, nextAt: now + wait, at: [...at, now], left: '', noted: true };
  return { after, act: 'remedy', why: wrong };
}

/** Whether a remedy at `when` counts; one that lies ahead is of a clock that was set back, and counts too. */
export const isRecent = (when: number, now: number): boolean => Math.abs(now - when) < remedyPace.hourMs;

const longestGraceMs = 3_600_000;

const nothing = (after: Remedying): Judgement => ({ after, act: 'nothing', why: '' });

/** Says once why nothing is done. */
const leave = (kept: Remedying, wrong: string, reason: string): Judgement => ({
  after: { ...kept, left: reason, noted: true },
  act: kept.left === reason ? 'nothing' : 'leave',
  why: `${wrong}; ${reason}`,
});
