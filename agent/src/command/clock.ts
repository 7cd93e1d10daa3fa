/** Time, injected so that tests run it by hand. */
export interface Clock {
  /** Milliseconds that only ever rise; for deadlines. */
  now(): number;
  /** Milliseconds since 1970; for people, never for decisions. */
  wall(): number;
  /** Calls `act` once after `ms` milliseconds of the monotonic clock; the answer takes that back. */
  after(ms: number, act: () => void): () => void;
}

/** Longest wait that a timer of Node can hold. */
const longest = 2 ** 31 - 1;

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, Math.min(ms, longest));
    return () => clearTimeout(timer);
  },
};
