const binary: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };
const decimal: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const quantityShape = /^([0-9]{1,9})(?:\.([0-9]{1,3}))?(?:(Ki|Mi|Gi|Ti|k|M|G|T)B?|B)$/;
const durationShape = /^([0-9]{1,7})(ms|s|m|h)$/;
const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** The accepted shape of a quantity, for JSON Schema. */
export const quantityPattern = '^[0-9]{1,9}(\\.[0-9]{1,3})?((Ki|Mi|Gi|Ti|k|M|G|T)B?|B)$';
/** The accepted shape of a duration, for JSON Schema. */
export const durationPattern = '^[0-9]{1,7}(ms|s|m|h)$';

/**
 * Reads an amount of memory or disk such as `4GiB`, `512MiB` or `1.5GB`.
 * @returns bytes, or undefined when the text is no quantity, is no whole number of bytes or is over 2^53.
 */
export function parseQuantity(text: string): number | undefined {
  const found = quantityShape.exec(text);
  if (found === null) return undefined;
  const [, whole = '', fraction = '', unit = ''] = found;
  const factor = binary[unit] ?? decimal[unit] ?? 1;
  const bytes = (Number(whole + fraction) * factor) / 10 ** fraction.length;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Writes bytes in the largest binary unit that holds them whole: `4294967296` becomes `4GiB`. */
export function formatQuantity(bytes: number): string {
  for (const unit of ['Ti', 'Gi', 'Mi', 'Ki']) {
    const factor = binary[unit] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}B`;
  }
  return `${bytes}B`;
}

/** Reads a duration such as `60s`, `500ms`, `5m` or `1h`. @returns milliseconds, or undefined when the text is none. */
export function parseDuration(text: string): number | undefined {
  const found = durationShape.exec(text);
  if (found === null) return undefined;
  const [, amount = '', unit = ''] = found;
  return Number(amount) * (durationUnits[unit] ?? 1);
}
