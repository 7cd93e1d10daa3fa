/** What a sealed value is bound to: it opens for this agent, this slot, this version and this purpose only. */
export interface SealedFor {
  /** Id of the organization. */
  readonly tenant: string;
  /** Id of the agent. */
  readonly agent: string;
  /** Names the slot, e.g. the scope and the parameter's name. */
  readonly secretId: string;
  /** Rises with each new value of the slot. */
  readonly version: number;
  /** What the value is for, e.g. `template-parameter`. */
  readonly purpose: string;
  /** Of the key that it is sealed to. */
  readonly keyId: string;
  /** Unix seconds after which it is refused. */
  readonly notAfter: number;
}

const label = 'truffle/secret-aad/v1';

/**
 * The associated data as bytes: the label and each field in the order of `SealedFor`, as UTF-8 (numbers in decimal)
 * behind its length as 32 bits, big end first; so no two different bindings have the same bytes.
 * @throws RangeError when a number is not a whole one
 */
export function canonicalAad(bound: SealedFor): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const fields = [
    label,
    bound.tenant,
    bound.agent,
    bound.secretId,
    whole(bound.version),
    bound.purpose,
    bound.keyId,
    whole(bound.notAfter),
  ].map((field) => encoder.encode(field));
  const bytes = new Uint8Array(fields.reduce((sum, field) => sum + 4 + field.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const field of fields) {
    view.setUint32(at, field.length);
    bytes.set(field, at + 4);
    at += 4 + field.length;
  }
  return bytes;
}

function whole(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a whole number: ${value}`);
  return String(value);
}
