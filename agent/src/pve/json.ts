/** An object of an answer, not trusted to have any field. */
export type Row = Readonly<Record<string, unknown>>;

/** The value as an object; an empty one when it is none. */
export function rowOf(value: unknown): Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : {};
}

/** The value as a list of objects; empty when it is none. */
export function rowsOf(value: unknown): readonly Row[] {
  return Array.isArray(value) ? value.map(rowOf) : [];
}

/** A field as text: Proxmox VE sends the same field as a number in one version and as text in another. Empty when absent. */
export function textOf(row: Row, key: string): string {
  const value = row[key];
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** A field as a number; `fallback` when absent or not a number. */
export function numberOf(row: Row, key: string, fallback = 0): number {
  const value = Number(row[key] ?? fallback);
  return Number.isFinite(value) ? value : fallback;
}
