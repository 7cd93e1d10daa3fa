/**
 * Loaded before the agent's program (`node --import`): lets it die at a named point, or live with a wrong clock.
 * `FAIL_POINT=accept:before:3` ends the process without a word just before (or `after`) the journal's third `accept` has reached the disk; the
 * names are those of the journal's records. `CLOCK_SKEW_MS` sets the wall clock off; the monotonic one goes on as it is.
 */
import { Journal } from './journal.ts';

const records = ['accept', 'permit', 'intend', 'observe', 'end', 'forget'] as const;
const [name, side, nth] = (process.env['FAIL_POINT'] ?? '').split(':');
const record = records.find((each) => each === name);

if (record !== undefined) {
  const write = Journal.prototype[record] as (this: Journal, ...given: unknown[]) => unknown;
  let left = Number(nth);
  const die = (now: 'before' | 'after'): void => {
    if (left === 0 && side === now) process.kill(process.pid, 'SIGKILL');
  };
  Object.defineProperty(Journal.prototype, record, {
    value(this: Journal, ...given: unknown[]): unknown {
      left--;
      die('before');
      const done = write.apply(this, given);
      die('after');
      return done;
    },
  });
}

const skewMs = Number(process.env['CLOCK_SKEW_MS'] ?? 0);
if (skewMs !== 0) {
  const RealDate = globalThis.Date;
  const wrong = class extends RealDate {
    constructor(...given: [] | [number | string | Date]) {
      super(given.length === 0 ? wrong.now() : given[0]);
    }
    static override now(): number {
      return RealDate.now() + skewMs;
    }
  };
  globalThis.Date = wrong as DateConstructor;
}
