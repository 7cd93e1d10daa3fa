import { createHash } from 'node:crypto';
import { Kysely, PostgresDialect, sql, type Transaction as KyselyTransaction } from 'kysely';
import pg from 'pg';
import { mintContext, type ContextKey } from './context.ts';
import { eventCountOf } from './ledger.ts';
import type { ServiceRole } from './roles.ts';
import { tlsOf } from './tls.ts';

export type Transaction<T> = KyselyTransaction<T>;

const travelling = new WeakMap<object, Promise<unknown>[]>();

/**
 * Lets a statement whose answer nothing in the transaction needs travel together with the commit, which saves waiting for it alone. When it
 * fails, PostgreSQL makes the commit a rollback, and the transaction fails with the statement's error. Of several the last one travels, as
 * kysely sends one after another.
 */
export function withCommit(tx: object, statement: Promise<unknown>): void {
  statement.catch(() => undefined);
  const all = travelling.get(tx);
  if (all === undefined) travelling.set(tx, [statement]);
  else all.push(statement);
}

/** Resolves when each of them is sent. @throws what one that came before the last threw */
async function allSent(those: readonly Promise<unknown>[]): Promise<void> {
  if (those.length < 2) return;
  await Promise.all(those.slice(0, -1));
  // The last one was waiting for those: it goes out in this turn of the event loop.
  await new Promise(setImmediate);
}

export interface DatabaseOptions {
  /**
   * Where the database is: `postgres://host:port/name`, over TLS with `?sslmode=verify-full&sslrootcert=<file>`; user and password in it are not used.
   */
  readonly url: string;
  readonly role: ServiceRole;
  readonly password: string;
  /** Missing for a role that never sets a tenant. */
  readonly contextKey?: ContextKey;
  /** Connections at most; default 10. */
  readonly connections?: number;
  /** Milliseconds that one statement may take; default 15,000. */
  readonly statementTimeout?: number;
  /** Told after a commit that appended events: rings the relay's bell. */
  readonly onEvents?: () => void;
}

/** Statement texts that get a name of their own per connection; more (which no service has) go unnamed. */
const mostNames = 500;

/** One role's way to the database. Every read or write of a tenant's rows goes through `tenant`. */
export class Database<T> {
  readonly #pool: pg.Pool;
  readonly #kysely: Kysely<T>;
  readonly #options: DatabaseOptions;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    const url = new URL(options.url);
    this.#pool = new pg.Pool({
      host: decodeURIComponent(url.hostname),
      port: Number(url.port || 5432),
      database: decodeURIComponent(url.pathname.slice(1)),
      user: options.role,
      password: options.password,
      ssl: tlsOf(url),
      max: options.connections ?? 10,
      connectionTimeoutMillis: 10_000,
      idleTimeoutMillis: 60_000,
      application_name: options.role,
      pipeline: true,
      options: `-c statement_timeout=${options.statementTimeout ?? 15_000} -c idle_in_transaction_session_timeout=30000`,
    });
    outlive(this.#pool);
    this.#kysely = new Kysely<T>({ dialect: new PostgresDialect({ pool: named(this.#pool) }) });
  }

  /** Runs `work` in one transaction that sees and writes only `orgId`'s rows. Rolls back when it throws. */
  async tenant<R>(orgId: string, work: (tx: Transaction<T>) => Promise<R>): Promise<R> {
    const key = this.#options.contextKey;
    if (key === undefined) throw new TypeError(`${this.#options.role} has no key to set a tenant with`);
    return this.#transaction(async (tx) => {
      // Not awaited: it travels with the first statement, which a failure of it would abort.
      const setting = sql`select set_config('truffle.ctx', ${mintContext(key, orgId, Date.now())}, true)`.execute(tx);
      setting.catch(() => undefined);
      try {
        const result = await work(tx);
        await setting;
        return result;
      } catch (error) {
        await setting;
        throw error;
      }
    });
  }

  /** Runs `work` in one transaction without a tenant: for roles whose own policies say what they may see. */
  async anywhere<R>(work: (tx: Transaction<T>) => Promise<R>): Promise<R> {
    return this.#transaction(work);
  }

  /** Answers when the database does; rejects within the connection's deadline otherwise. */
  async ping(): Promise<void> {
    await this.#pool.query('select 1');
  }

  async close(): Promise<void> {
    await this.#kysely.destroy();
  }

  async #transaction<R>(work: (tx: Transaction<T>) => Promise<R>): Promise<R> {
    let events = 0;
    let last: readonly Promise<unknown>[] = [];
    const result = await this.#kysely
      .transaction()
      .execute(async (tx) => {
        const done = await work(tx);
        events = eventCountOf(tx);
        last = travelling.get(tx) ?? [];
        await allSent(last);
        return done;
      })
      .catch(async (error: unknown) => {
        // The reason is the statement's; the commit only says that it became a rollback.
        await Promise.all(last);
        throw error;
      });
    // One that fails though the commit did not was sent behind it: a mistake of ours, and it is told.
    await Promise.all(last);
    if (events > 0) this.#options.onEvents?.();
    return result;
  }
}

/**
 * Lets the process outlive its connections: one that PostgreSQL ends while it is idle, on its way out, or between two statements of a
 * transaction says so by an error event, which without a listener ends the process. The next statement on it fails, and the pool drops it.
 */
export function outlive(pool: pg.Pool): void {
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
}

/** PostgreSQL's five-character error code (its manual, appendix A) of what a query threw; undefined for anything else. */
export function databaseErrorCode(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** The connection was lost, or none could be had. Whether what was under way is stored is known only when its commit was not sent. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/**
 * Whether what was thrown says that the database cannot be worked with just now: a lost connection, or PostgreSQL's classes 08 (connection),
 * 53 (resources) and codes 57P01 to 57P03 (it stops, crashed or starts).
 */
export function isDatabaseAway(error: unknown): boolean {
  return error instanceof ConnectionLostError || /^(08|53|57P0[123])/.test(databaseErrorCode(error) ?? '');
}

/** What PostgreSQL did not say itself is the connection's. */
const told = (error: unknown): unknown =>
  error instanceof pg.DatabaseError ? error : new ConnectionLostError('the database does not answer', { cause: error });

type Query = (text: string, values: readonly unknown[]) => Promise<pg.QueryResult>;
const wrapped = new WeakMap<pg.PoolClient, { query: Query; release: pg.PoolClient['release'] }>();

/**
 * Gives each statement a name, so that the server plans it once per connection (measured: twice the throughput of unnamed
 * ones), and sends `begin` along with what follows it instead of waiting for it alone.
 */
function named(pool: pg.Pool): ConstructorParameters<typeof PostgresDialect>[0]['pool'] {
  const connect = async () => {
    const client = await pool.connect().catch((error: unknown) => {
      throw told(error);
    });
    let face = wrapped.get(client);
    if (face === undefined) {
      face = { query: namedQuery(client), release: client.release.bind(client) };
      wrapped.set(client, face);
    }
    face.release = client.release.bind(client);
    return face;
  };
  return { connect, end: () => pool.end(), options: pool.options } as never;
}

/**
 * Holds back what is written until nothing more comes in this turn of the event loop: `begin`, the setting and the first statement go in one
 * system call, and the last statement with the commit. (Measured: those calls were two fifths of a gateway's work when thousands of agents came back at once.)
 */
function together(client: pg.PoolClient): () => void {
  if (!(client instanceof pg.Client)) throw new TypeError('the pool gives out clients of its own kind only');
  const { stream } = client.connection;
  let held = false;
  const send = (): void => {
    held = false;
    stream.uncork();
  };
  return () => {
    if (held) return;
    held = true;
    stream.cork();
    process.nextTick(send);
  };
}

function namedQuery(client: pg.PoolClient): Query {
  const names = new Map<string, string>();
  const hold = together(client);
  const send: Query = async (text, values) => {
    hold();
    if (text === 'begin') {
      client.query('begin').catch(() => undefined);
      return { command: 'BEGIN', rows: [], rowCount: 0, oid: 0, fields: [] };
    }
    if (text === 'commit' || text === 'rollback') return client.query(text);
    let name = names.get(text);
    if (name === undefined) {
      if (names.size >= mostNames) return client.query(text, [...values]);
      name = createHash('sha1').update(text).digest('base64url').slice(0, 16);
      names.set(text, name);
    }
    return client.query({ name, text, values: [...values] });
  };
  return async (text, values) => {
    try {
      return await send(text, values);
    } catch (error) {
      throw told(error);
    }
  };
}
