/**
 * Fields as one run of bytes: each as UTF-8 (or as it is) behind its length as 32 bits, big end first; so no two different lists of fields have
 * the same bytes. The first one is to say what the bytes are for.
 */
export function framed(fields: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts = fields.map((field) => (typeof field === 'string' ? encoder.encode(field) : field));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

/** A whole number in decimal. @throws RangeError when it is none, or below 0 */
export function whole(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a whole number: ${value}`);
  return String(value);
}
