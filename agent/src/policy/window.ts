/** Part of a week, by the site's own clock. */
export interface Span {
  /** 0 for Monday to 6 for Sunday: the days that it begins on. */
  readonly days: ReadonlySet<number>;
  /** Minutes of the day. A span that ends before it begins goes on into the next day; 1440 is the day's end. */
  readonly from: number;
  readonly to: number;
}

/** When a site is worked on. */
export interface Windows {
  /** IANA name. */
  readonly timeZone: string;
  readonly spans: readonly Span[];
}

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** Whether `now` (milliseconds since 1970) is in one of the spans. Days of 23 or 25 hours are those of the time zone. */
export function isOpen({ timeZone, spans }: Windows, now: number): boolean {
  const { day, minute } = localTime(timeZone, now);
  return spans.some(({ days, from, to }) =>
    from < to
      ? days.has(day) && minute >= from && minute < to
      : (days.has(day) && minute >= from) || (days.has((day + 6) % 7) && minute < to),
  );
}

/** Whether the runtime knows the time zone. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
}

/** The windows in words, e.g. `mon,tue 22:00-06:00 (Europe/Berlin)`. */
export const describeWindows = ({ timeZone, spans }: Windows): string =>
  `${spans.map(({ days, from, to }) => `${weekdays.filter((_, i) => days.has(i)).join(',')} ${clock(from)}-${clock(to)}`).join('; ')} (${timeZone})`;

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

function localTime(timeZone: string, now: number): { readonly day: number; readonly minute: number } {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
  return {
    day: weekdays.findIndex((name) => name === parts['weekday']?.toLowerCase()),
    minute: Number(parts['hour']) * 60 + Number(parts['minute']),
  };
}
