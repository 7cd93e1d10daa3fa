import { createHash } from 'node:crypto';
import { fromBinary, toBinary, type DescMethodUnary, type Message } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import type { Database } from '@truffle/database';
import { sql } from 'kysely';
import { principalOf, type Caller } from './caller.ts';
import { InvalidProblem, Problem } from './problem.ts';

/** The statements of a service's table of answers; `schema` is the service's. */
export const idempotencyTable = (schema: string): string => `
  create table ${schema}.idempotency (
    org_id text not null,
    subject text not null,
    method text not null,
    key text not null,
    request_sha256 bytea not null,
    answer bytea,
    created_at timestamptz not null default now(),
    primary key (org_id, subject, method, key)
  );`;

/** How long a first call may be at work before a repeated one takes its place (it died), and how long answers are kept. */
const workSeconds = 60;
const keepHours = 24;

type Row = { readonly request_sha256: Buffer; readonly answer: Buffer | null; readonly mine: boolean };

/** What a call and its repetitions under `key` have in common, for `Caller.repetition`; undefined without a key. */
export function repetitionOf(
  caller: Caller,
  method: DescMethodUnary,
  key: string | null,
  request: Message,
): string | undefined {
  if (key === null) return undefined;
  const hash = createHash('sha256').update(toBinary(method.input, request));
  for (const part of [caller.orgId, principalOf(caller), method.parent.typeName, method.name, key])
    hash.update(`\0${part.length}:${part}`);
  return hash.digest('base64url');
}

/**
 * Answers of calls that carried an `Idempotency-Key`: the same key with the same request gets the first answer,
 * with another request it is refused.
 */
export class IdempotencyStore {
  readonly #database: Database<unknown>;
  readonly #table: string;

  constructor(database: Database<never>, schema: string) {
    this.#database = database as unknown as Database<unknown>;
    this.#table = `${schema}.idempotency`;
  }

  /** Runs `work` once for the caller's key; without a key, just runs it. */
  async once(
    caller: Caller,
    method: DescMethodUnary,
    key: string | null,
    request: Message,
    work: () => Promise<Message>,
  ): Promise<Message> {
    if (key === null) return work();
    if (!/^[\x21-\x7e]{1,128}$/.test(key))
      throw new InvalidProblem([{ field: 'Idempotency-Key', description: 'must be 1 to 128 visible characters' }]);
    const name = `${method.parent.typeName}/${method.name}`;
    const hash = createHash('sha256').update(toBinary(method.input, request)).digest();
    const row = await this.#claim(caller, name, key, hash);
    if (!row.request_sha256.equals(hash))
      throw new Problem(
        Code.InvalidArgument,
        'IDEMPOTENCY_KEY_REUSED',
        'this idempotency key was used for another request; use a new one',
        {
          fields: [
            { field: 'Idempotency-Key', description: 'was used for another request', reason: 'IDEMPOTENCY_KEY_REUSED' },
          ],
        },
      );
    if (row.answer !== null) return fromBinary(method.output, row.answer);
    if (!row.mine)
      throw new Problem(
        Code.Aborted,
        'IDEMPOTENT_CALL_IN_PROGRESS',
        'the first call with this idempotency key is still at work; try again shortly',
      );
    return this.#run(caller, method, name, key, work);
  }

  async #run(
    caller: Caller,
    method: DescMethodUnary,
    name: string,
    key: string,
    work: () => Promise<Message>,
  ): Promise<Message> {
    const place = sql`org_id = ${caller.orgId} and subject = ${principalOf(caller)} and method = ${name} and key = ${key}`;
    try {
      const answer = await work();
      const bytes = Buffer.from(toBinary(method.output, answer));
      await this.#database.tenant(caller.orgId, (tx) =>
        sql`update ${sql.raw(this.#table)} set answer = ${bytes} where ${place}`.execute(tx),
      );
      return answer;
    } catch (error) {
      await this.#database.tenant(caller.orgId, (tx) =>
        sql`delete from ${sql.raw(this.#table)} where ${place} and answer is null`.execute(tx),
      );
      throw error;
    }
  }

  async #claim(caller: Caller, method: string, key: string, hash: Buffer): Promise<Row> {
    const table = sql.raw(this.#table);
    const { rows } = await this.#database.tenant(caller.orgId, (tx) =>
      sql<Row>`
        insert into ${table} as t (org_id, subject, method, key, request_sha256) values (${caller.orgId}, ${principalOf(caller)}, ${method}, ${key}, ${hash})
        on conflict (org_id, subject, method, key) do update set
          request_sha256 = case when t.created_at < now() - make_interval(hours => ${keepHours}) then excluded.request_sha256 else t.request_sha256 end,
          answer = case when t.created_at < now() - make_interval(hours => ${keepHours}) then null else t.answer end,
          created_at = case when t.answer is null and t.created_at < now() - make_interval(secs => ${workSeconds}) or t.created_at < now() - make_interval(hours => ${keepHours}) then now() else t.created_at end
        returning request_sha256, answer, created_at = now() as mine`.execute(tx),
    );
    const row = rows[0];
    if (row === undefined) throw new TypeError('an insert with do-update returns its row');
    return row;
  }
}
