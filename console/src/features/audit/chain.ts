import { canonicalJson } from '@truffle/audit/canonical';

/** A checkpoint as it was signed, and the key that is said to have signed it. */
export interface Mark {
  readonly kind: string;
  readonly org_id: string;
  readonly n: string;
  /** In hex. */
  readonly hash: string;
  readonly at: string;
  readonly key_id: string;
  /** Ed25519, base64url. */
  readonly signature: string;
}

/** What checking found. */
export interface Found {
  readonly records: number;
  readonly last: bigint;
  /** Number of the newest record that a checkpoint proves; 0 for none. */
  readonly proven: bigint;
  /** What is not as it was written: at most 20. */
  readonly faults: readonly string[];
}

interface Line {
  readonly record?: { readonly n: string } & Readonly<Record<string, unknown>>;
  readonly hash?: string;
  readonly checkpoint?: Mark;
}

const mostFaults = 20;
const start = '00'.repeat(32);
const bytesOf = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hexOf = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** h_n = SHA-256(h_(n-1) ‖ canonical JSON of the record), as the control plane computes it. */
async function hashOf(before: string, record: unknown): Promise<string> {
  const [head, body] = [bytesOf(before), encode(canonicalJson(record))];
  const all = new Uint8Array(head.length + body.length);
  all.set(head);
  all.set(body, head.length);
  return hexOf(await crypto.subtle.digest('SHA-256', all));
}

/** Public keys (PEM) by their names. @throws what the browser says of a key that is none */
export async function readKeys(pems: readonly string[]): Promise<ReadonlyMap<string, CryptoKey>> {
  const keys = pems.map(async (pem) => {
    const der = Uint8Array.from(atob(pem.replaceAll(/-----[^-]+-----|\s/g, '')), (each) => each.charCodeAt(0));
    const name = hexOf(await crypto.subtle.digest('SHA-256', der)).slice(0, 16);
    return [name, await crypto.subtle.importKey('spki', der, 'Ed25519', false, ['verify'])] as const;
  });
  return new Map(await Promise.all(keys));
}

async function isSigned(mark: Mark, keys: ReadonlyMap<string, CryptoKey>): Promise<boolean> {
  const key = keys.get(mark.key_id);
  if (key === undefined) return false;
  const { kind, org_id, n, hash, at } = mark;
  const claim = encode(`truffle/audit-checkpoint\n${canonicalJson({ kind, org_id, n, hash, at })}`);
  const signature = Uint8Array.from(atob(mark.signature.replaceAll('-', '+').replaceAll('_', '/')), (each) =>
    each.charCodeAt(0),
  );
  return crypto.subtle.verify('Ed25519', key, signature, claim);
}

/**
 * Checks an export of the whole trail (JSON Lines) against checkpoints: that nothing in it was changed, dropped, swapped or put in.
 * `truffle audit verify` checks the same, and personal data besides, without any page of the control plane.
 */
export async function checkChain(
  lines: AsyncIterable<string>,
  marks: readonly Mark[],
  keys: ReadonlyMap<string, CryptoKey>,
): Promise<Found> {
  const faults: string[] = [];
  const fault = (text: string): void => void (faults.length < mostFaults && faults.push(text));
  const good = new Map<string, Mark>();
  const take = async (mark: Mark): Promise<void> => {
    if (await isSigned(mark, keys)) good.set(mark.n, mark);
    else fault(`the checkpoint of record ${mark.n} is not signed by the audit key`);
  };
  for (const mark of marks) await take(mark);
  let [hash, last, proven, records] = [start, 0n, 0n, 0];
  for await (const text of lines) {
    const { record, hash: claimed = '', checkpoint } = JSON.parse(text) as Line;
    if (checkpoint !== undefined) await take(checkpoint);
    if (record === undefined) continue;
    const n = BigInt(record.n);
    if (records++ === 0 && n !== 1n) {
      const before = good.get(String(n - 1n));
      if (before === undefined)
        fault(`the trail begins with record ${n}, and nothing signed stands for what was before`);
      hash = before?.hash ?? hash;
    } else if (n !== last + 1n) fault(`record ${n} follows record ${last}`);
    if ((await hashOf(hash, record)) !== claimed) fault(`record ${n} or the one before it is not what was written`);
    // Goes on from what the line claims, so that one change is one fault.
    [hash, last] = [claimed, n];
    const mark = good.get(record.n);
    if (mark === undefined) continue;
    if (mark.hash === claimed) proven = n;
    else fault(`record ${n} has another hash than was signed`);
  }
  const newest = [...good.keys()].map(BigInt).reduce((a, b) => (a > b ? a : b), 0n);
  if (newest > last) fault(`records up to ${newest} are missing, which a checkpoint proves were there`);
  return { records, last, proven, faults };
}
