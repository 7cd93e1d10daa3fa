import type { KeyObject } from 'node:crypto';
import { checkpointKeyId, isCheckpointSigned, type Checkpoint } from './checkpoint.ts';
import { ExportLineError, readExportLine, type ExportLine } from './line.ts';
import { personOf } from './person.ts';
import { chainHash, chainStart } from './record.ts';

/** One thing that is not as it was written. */
export interface Fault {
  readonly kind:
    | 'UNREADABLE'
    | 'OTHER_ORGANIZATION'
    | 'ORDER'
    | 'CHANGED'
    | 'PERSON_CHANGED'
    | 'HEAD_MISSING'
    | 'TAIL_MISSING'
    | 'CHECKPOINT_FORGED'
    | 'CHECKPOINT_CONTRADICTS'
    | 'UNPROVEN';
  readonly text: string;
}

/** What verifying found. */
export interface Verdict {
  readonly orgId: string;
  readonly records: number;
  /** Number of the first record that was seen; 0 when there is none. */
  readonly first: bigint;
  readonly last: bigint;
  /** The newest checkpoint that the records agree with. */
  readonly proven: Checkpoint | undefined;
  /** Records after it: changed by whoever can write the whole chain anew, they would not show. */
  readonly unproven: bigint;
  /** At most 100. */
  readonly faults: readonly Fault[];
}

/** What to verify against. */
export interface Proof {
  /** From another place than the export, so that a cut tail shows; those within the export are checked too. */
  readonly checkpoints: readonly Checkpoint[];
  readonly publicKeys: readonly KeyObject[];
  /** Records after the newest checkpoint are no fault: for a live trail, whose checkpoints come a little later. */
  readonly allowUnproven?: boolean;
}

const mostFaults = 100;

/** Verifies an export, line by line and in bounded memory. Needs no server. */
export async function verifyExport(lines: AsyncIterable<string> | Iterable<string>, proof: Proof): Promise<Verdict> {
  const walk = new Walk(proof);
  let number = 0;
  for await (const text of lines) {
    number++;
    if (text.trim() === '') continue;
    try {
      walk.take(readExportLine(text));
    } catch (error) {
      if (!(error instanceof ExportLineError)) throw error;
      walk.fault('UNREADABLE', `line ${number}: ${error.message}`);
    }
  }
  return walk.end(proof.allowUnproven === true);
}

class Walk {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  /** Good checkpoints by number. */
  readonly #heads = new Map<bigint, Checkpoint>();
  readonly #starts = new Map<bigint, Checkpoint>();
  readonly #faults: Fault[] = [];
  #orgId = '';
  #records = 0;
  #first = 0n;
  #last = 0n;
  #hash = chainStart;
  #proven: Checkpoint | undefined;

  constructor(proof: Proof) {
    this.#keys = new Map(proof.publicKeys.map((key) => [checkpointKeyId(key), key]));
    for (const checkpoint of proof.checkpoints) this.#takeCheckpoint(checkpoint);
  }

  fault(kind: Fault['kind'], text: string): void {
    if (this.#faults.length < mostFaults) this.#faults.push({ kind, text });
  }

  take(line: ExportLine): void {
    if ('checkpoint' in line) return this.#takeCheckpoint(line.checkpoint);
    const { record, personal } = line;
    const n = BigInt(record.n);
    if (!this.#isOwn(record.org_id, `event ${n}`)) return;
    if (this.#records++ === 0) this.#begin(n);
    else if (n !== this.#last + 1n)
      this.fault('ORDER', `event ${n} follows event ${this.#last}: events are missing, doubled or swapped`);
    const hash = chainHash(this.#hash, record);
    if (hash.toString('hex') !== line.hash)
      this.fault('CHANGED', `event ${n} or the one before it is not what was written`);
    if (personal !== null) {
      const { salt, ...data } = personal;
      const subject = record.actor_on_behalf_of ?? record.actor_subject;
      if (personOf(Buffer.from(salt, 'base64url'), subject, data) !== record.person)
        this.fault('PERSON_CHANGED', `event ${n}: name, address or user agent are not what was written`);
    }
    // Goes on from what the line claims, so that one change is one fault.
    this.#hash = Buffer.from(line.hash, 'hex');
    this.#last = n;
    this.#meet(n);
  }

  end(allowUnproven: boolean): Verdict {
    const newest = [...this.#heads.keys(), ...this.#starts.keys()].reduce((a, b) => (a > b ? a : b), 0n);
    if (this.#records === 0 && newest > 0n && !this.#starts.has(newest))
      this.fault('TAIL_MISSING', `every event up to ${newest} is missing, which a checkpoint proves were there`);
    if (this.#records > 0 && newest > this.#last)
      this.fault(
        'TAIL_MISSING',
        `events ${this.#last + 1n} to ${newest} are missing, which a checkpoint proves were there`,
      );
    const unproven = this.#last - BigInt(this.#proven?.n ?? (this.#first === 0n ? this.#last : this.#first - 1n));
    if (unproven > 0n && !allowUnproven)
      this.fault('UNPROVEN', `no checkpoint covers the last ${unproven} events; give a newer one`);
    return {
      orgId: this.#orgId,
      records: this.#records,
      first: this.#first,
      last: this.#last,
      proven: this.#proven,
      unproven,
      faults: this.#faults,
    };
  }

  #begin(n: bigint): void {
    this.#first = n;
    if (n === 1n) return;
    const start = this.#starts.get(n - 1n);
    if (start === undefined)
      return this.fault(
        'HEAD_MISSING',
        `the trail begins with event ${n}, and no signed checkpoint stands for what was before`,
      );
    this.#hash = Buffer.from(start.hash, 'hex');
  }

  #meet(n: bigint): void {
    for (const checkpoint of [this.#heads.get(n), this.#starts.get(n)]) {
      if (checkpoint === undefined) continue;
      if (checkpoint.hash === this.#hash.toString('hex')) this.#proven = checkpoint;
      else this.fault('CHECKPOINT_CONTRADICTS', `event ${n} has another hash than was signed: the chain was made anew`);
    }
  }

  #takeCheckpoint(checkpoint: Checkpoint): void {
    const n = BigInt(checkpoint.n);
    const key = this.#keys.get(checkpoint.key_id);
    if (key === undefined || !isCheckpointSigned(key, checkpoint))
      return this.fault('CHECKPOINT_FORGED', `the checkpoint of event ${n} is not signed by the audit key`);
    if (!this.#isOwn(checkpoint.org_id, `the checkpoint of event ${n}`)) return;
    const known = checkpoint.kind === 'head' ? this.#heads : this.#starts;
    const before = this.#heads.get(n) ?? this.#starts.get(n);
    if (before !== undefined && before.hash !== checkpoint.hash)
      this.fault('CHECKPOINT_CONTRADICTS', `two checkpoints of event ${n} contradict each other`);
    known.set(n, checkpoint);
    if (this.#records === 0) return;
    // Within an export a checkpoint stands right after its event.
    if (n === this.#last) this.#meet(n);
    else if (n < this.#last && before === undefined)
      this.fault('CHECKPOINT_CONTRADICTS', `the checkpoint of event ${n} stands behind later events`);
  }

  #isOwn(orgId: string, what: string): boolean {
    if (this.#orgId === '') this.#orgId = orgId;
    if (this.#orgId === orgId) return true;
    this.fault('OTHER_ORGANIZATION', `${what} belongs to ${orgId}, not to ${this.#orgId}`);
    return false;
  }
}
