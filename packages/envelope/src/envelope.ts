import { randomBytes } from 'node:crypto';
import type { Transaction } from '@truffle/database';
import { sql } from 'kysely';
import type { DataKeyTable } from './data-key.ts';
import { decrypt, encrypt, EnvelopeError, type KeyEncryptionKeys } from './key-encryption-key.ts';

/** Where a sealed value lies. It opens nowhere else. */
export interface SealedPlace {
  /** `schema.table`. */
  readonly table: string;
  readonly column: string;
  /** The row's key. */
  readonly id: string;
}

const format = 1;
const headBytes = 5;
const cacheMs = 5 * 60_000;
const mostCached = 1_000;

// What is sealed may be written in any transaction whose role sees the owner's data keys.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyTransaction = Transaction<any>;

/** Seals and opens values with their owners' data keys, in the caller's own transaction. */
export class Envelope {
  readonly #table: string;
  readonly #keks: KeyEncryptionKeys;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly until: number; readonly key: Buffer }>();

  /** @param schema whose `data_key` is meant */
  constructor(schema: string, keks: KeyEncryptionKeys, now: () => number = Date.now) {
    this.#table = `${schema}.data_key`;
    this.#keks = keks;
    this.#now = now;
  }

  /**
   * The value as it may be stored: one byte of format, four of the data key's version, then AES-256-GCM. Makes the owner's first data key where
   * there is none. @param owner the transaction's organization, or `installation`
   * @throws EnvelopeError when a key is missing
   */
  async seal(tx: AnyTransaction, owner: string, place: SealedPlace, plain: Buffer | string): Promise<Buffer> {
    const newest = (await this.#newest(tx, owner)) ?? (await this.#first(tx, owner));
    const head = Buffer.alloc(headBytes);
    head.writeUInt8(format, 0);
    head.writeUInt32BE(newest.version, 1);
    const key = await this.#unwrapped(newest);
    return Buffer.concat([head, encrypt(key, Buffer.from(plain), contextOf(owner, place))]);
  }

  /** @throws EnvelopeError when it was sealed for another place or owner, is damaged, or its key is gone */
  async open(tx: AnyTransaction, owner: string, place: SealedPlace, sealed: Buffer): Promise<Buffer> {
    const version = versionOf(sealed);
    const known = this.#known.get(nameOf(owner, version));
    const key =
      known !== undefined && known.until > this.#now()
        ? known.key
        : await this.#unwrapped(await this.#of(tx, owner, version));
    return decrypt(key, sealed.subarray(headBytes), contextOf(owner, place));
  }

  /** Gives the owner a new data key, which is sealed with from now on. What older ones sealed still opens. @returns its version */
  async renew(tx: AnyTransaction, owner: string): Promise<number> {
    const newest = await this.#newest(tx, owner);
    const made = await this.#make(tx, owner, (newest?.version ?? 0) + 1);
    return made.version;
  }

  async #first(tx: AnyTransaction, owner: string): Promise<DataKeyTable> {
    await this.#make(tx, owner, 1);
    const first = await this.#newest(tx, owner);
    if (first === undefined) throw new EnvelopeError(`the data key of ${owner} can not be stored by this role`);
    return first;
  }

  async #make(tx: AnyTransaction, owner: string, version: number): Promise<DataKeyTable> {
    const kek = await this.#keks.newest();
    const wrapped = await kek.wrap(randomBytes(32), wrappingContext(owner, version));
    const made_under = kek.id;
    const row = { org_id: owner, version, kek_id: kek.id, wrapped, made_under, created_at: new Date(this.#now()) };
    // Another one may make it at the same time: the first stays, and is read back.
    await sql`
      insert into ${sql.table(this.#table)} (org_id, version, kek_id, wrapped, made_under, created_at)
      values (${row.org_id}, ${row.version}, ${row.kek_id}, ${row.wrapped}, ${row.made_under}, ${row.created_at})
      on conflict do nothing`.execute(tx);
    return row;
  }

  async #newest(tx: AnyTransaction, owner: string): Promise<DataKeyTable | undefined> {
    const { rows } = await sql<DataKeyTable>`
      select * from ${sql.table(this.#table)} where org_id = ${owner} order by version desc limit 1`.execute(tx);
    return rows[0];
  }

  async #of(tx: AnyTransaction, owner: string, version: number): Promise<DataKeyTable> {
    const { rows } = await sql<DataKeyTable>`
      select * from ${sql.table(this.#table)} where org_id = ${owner} and version = ${version}`.execute(tx);
    return rows[0] ?? unknown(owner, version);
  }

  async #unwrapped(row: DataKeyTable): Promise<Buffer> {
    const name = nameOf(row.org_id, row.version);
    const known = this.#known.get(name);
    if (known !== undefined && known.until > this.#now()) return known.key;
    const kek = await this.#keks.byId(row.kek_id);
    const key = await kek.unwrap(row.wrapped, wrappingContext(row.org_id, row.version));
    if (this.#known.size >= mostCached) this.#known.clear();
    this.#known.set(name, { until: this.#now() + cacheMs, key });
    return key;
  }
}

/** The version of the data key that `sealed` was sealed with. @throws EnvelopeError */
export function versionOf(sealed: Buffer): number {
  if (sealed.length <= headBytes || sealed.readUInt8(0) !== format)
    throw new EnvelopeError('this is no sealed value, or one of a newer release');
  return sealed.readUInt32BE(1);
}

/** What a data key's wrapping is bound to. */
export const wrappingContext = (owner: string, version: number): string =>
  JSON.stringify(['truffle/data-key/v1', owner, version]);

const contextOf = (owner: string, { table, column, id }: SealedPlace): string =>
  JSON.stringify(['truffle/envelope/v1', owner, table, column, id]);

const nameOf = (owner: string, version: number): string => `${owner}/${version}`;

function unknown(owner: string, version: number): never {
  throw new EnvelopeError(`the data key ${version} of ${owner} is not there`);
}
