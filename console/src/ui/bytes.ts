import { texts } from '../texts/texts.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const number = new Intl.NumberFormat(texts.locale, { maximumFractionDigits: 1 });

/** Bytes for people: `4 GiB`. */
export function bytes(count: bigint | number): string {
  const value = Number(count);
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${number.format(value / 1024 ** power)} ${units[power]}`;
}
