/** Time as the simulator sees it, so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves `ms` later; never resolves once the clock is closed. */
  sleep(ms: number): Promise<void>;
  /** Drops every sleeper. */
  close(): void;
}

/** The machine's clock; a sleep of 0 still yields once to other work. */
export function systemClock(): Clock {
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;
  return {
    now: () => Date.now(),
    sleep: (ms) =>
      new Promise((resolve) => {
        if (closed) return;
        if (ms <= 0) {
          setImmediate(() => {
            if (!closed) resolve();
          });
          return;
        }
        const timer = setTimeout(() => {
          timers.delete(timer);
          resolve();
        }, ms);
        timers.add(timer);
      }),
    close: () => {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

/** A clock that moves only when told to: lets a test hold a task in `running` for as long as it wants. */
export class ManualClock implements Clock {
  private time: number;
  private sleepers: { at: number; wake: () => void }[] = [];

  constructor(startMs = 1_795_467_000_000) {
    this.time = startMs;
  }

  now(): number {
    return this.time;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      if (ms <= 0) {
        setImmediate(wake);
        return;
      }
      this.sleepers.push({ at: this.time + ms, wake });
    });
  }

  /** Moves time by `ms`, waking sleepers in order and letting each one's work run before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.time + ms;
    for (;;) {
      await settle();
      const next = this.sleepers.filter((one) => one.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.sleepers.splice(this.sleepers.indexOf(next), 1);
      this.time = Math.max(this.time, next.at);
      next.wake();
    }
    this.time = until;
    await settle();
  }

  close(): void {
    this.sleepers = [];
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
