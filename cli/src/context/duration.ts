import { UsageError } from '../failure/cli-error.ts';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const most = 10 * 365 * 86_400_000;

/**
 * Milliseconds of `500ms`, `30s`, `1h30m`, `90d`; a bare number is seconds.
 * @throws UsageError when it reads as none, is 0 or is more than ten years
 */
export function parseDuration(text: string, option: string): number {
  const parts = [...text.matchAll(/(\d{1,9})(ms|s|m|h|d)/g)];
  const sum = /^\d{1,9}$/.test(text)
    ? Number(text) * 1_000
    : parts.reduce((total, [, count, unit]) => total + Number(count) * (units[unit ?? ''] ?? 0), 0);
  const whole = /^\d{1,9}$/.test(text) || parts.map(([part]) => part).join('') === text;
  if (whole && sum > 0 && sum <= most) return sum;
  throw new UsageError(`${option} ${JSON.stringify(text)} is no duration`, {
    next: [`write it like 30s, 10m, 1h30m or 90d`],
  });
}
