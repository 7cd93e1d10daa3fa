import { timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';

/** The last word of an enum's value as people read it: `CLUSTER_STATE_READY` of `CLUSTER_STATE` is `ready`. */
export function stateName(names: Readonly<Record<number, string>>, value: number): string {
  return (names[value] ?? 'unknown').toLowerCase().replaceAll('_', ' ');
}

const steps = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
] as const;

/** How long ago: `3m`, `2h`, `5d`; `-` for never. */
export function age(time: Timestamp | undefined, now: number): string {
  if (time === undefined) return '-';
  return span(Math.max(0, now - timestampMs(time)));
}

/** A span in its largest unit, rounded down: `42s`, `3m`. */
export function span(milliseconds: number): string {
  const [size, unit] = steps.find(([each]) => milliseconds >= each) ?? [1_000, 's'];
  return `${Math.floor(milliseconds / size)}${unit}`;
}

/** ISO 8601 in UTC; `-` for unset. */
export const when = (time: Timestamp | undefined): string =>
  time === undefined ? '-' : new Date(timestampMs(time)).toISOString();

/** Hours, minutes and seconds in UTC. */
export const clock = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(11, 19);

const sizes = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes in binary units: `4 GiB`. */
export function bytes(count: bigint): string {
  let value = Number(count);
  let unit = 0;
  while (value >= 1024 && unit < sizes.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(1))} ${sizes[unit]}`;
}
