import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { useEffect, useState } from 'react';
import { texts } from '../texts/texts.ts';

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Clocks differ, and ours here ticks slowly: what just happened is not to be in the future. */
const justNowMs = 5_000;

const relative = new Intl.RelativeTimeFormat(texts.locale, { numeric: 'auto' });

function ago(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1000);
  const [unit, size] = units.find(([, each]) => Math.abs(seconds) >= each) ?? (['second', 1] as const);
  return relative.format(Math.round(seconds / size), unit);
}

/** How long ago something was, or how soon it will be, kept true while it is looked at; the moment itself on hover. @param at milliseconds since the epoch, or a timestamp */
export function Ago({ at }: { readonly at: number | Timestamp | undefined }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5_000);
    return () => clearInterval(timer);
  }, []);
  if (at === undefined) return <span>{texts.time.never}</span>;
  const date = typeof at === 'number' ? new Date(at) : timestampDate(at);
  return (
    <time
      dateTime={date.toISOString()}
      title={date.toLocaleString(texts.locale, { dateStyle: 'full', timeStyle: 'long' })}
    >
      {ago(date.getTime(), Math.abs(date.getTime() - now) < justNowMs ? date.getTime() : now)}
    </time>
  );
}
