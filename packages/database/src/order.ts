import { sql, type RawBuilder, type SelectQueryBuilder } from 'kysely';
import { InvalidPageTokenError, pageOf, type Page, type PageWanted } from './page.ts';

/** One way that a list can be ordered. */
export interface OrderColumn {
  /** The column, or an expression that an index has. Written in code: nothing of a request comes into it. */
  readonly sql: string;
  /** What a value is read back as; it goes through a page token as text. */
  readonly type: 'text' | 'int' | 'timestamptz';
  /** Whether no two rows of one list have the same value, so that nothing need break a tie. */
  readonly unique?: boolean;
}

/** Everything that a list can be ordered by. An index has each column, followed by the tie-breaker. */
export interface Ordering {
  /** Breaks ties: the rows' id, as the query names it. */
  readonly tie: string;
  readonly by: Readonly<Record<string, OrderColumn>>;
}

/** What a list is ordered by now. */
export interface Order {
  readonly field: string;
  readonly descending: boolean;
}

/** Where a row stands in its list, as the query gives it beside the row. */
export interface OrderKey {
  readonly order_value: string;
  readonly order_tie: string;
}

/** Parts of a query for one page, for those that no query builder writes. */
export interface OrderClauses {
  /** For the select list: the columns of `OrderKey`. */
  readonly key: RawBuilder<unknown>;
  readonly after: RawBuilder<boolean>;
  /** For `order by`. */
  readonly order: RawBuilder<unknown>;
}

/** A page of a list that is ordered by any of its columns: keyset paging, each page read from where the last one ended. */
export class OrderedPage {
  /** Rows to read: one more than the page has. */
  readonly limit: number;
  readonly order: Order;
  readonly #page: Page;
  readonly #ordering: Ordering;
  readonly #at: readonly [value: string, tie: string] | undefined;

  /** @throws InvalidPageTokenError for a token of another order; TypeError for an order that `ordering` has not */
  constructor(ordering: Ordering, order: Order, wanted: PageWanted | undefined) {
    this.#page = pageOf(wanted);
    this.#ordering = ordering;
    this.limit = this.#page.limit + 1;
    this.order = order;
    this.#at = this.#page.after === undefined ? undefined : placeOf(this.#page.after, order);
    columnOf(ordering, order);
  }

  /** The query for this page. */
  of<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>): SelectQueryBuilder<DB, TB, O & OrderKey> {
    const { after, order } = this.clauses();
    const column = columnOf(this.#ordering, this.order);
    return query
      .select([
        sql<string>`(${sql.raw(column.sql)})::text`.as('order_value'),
        sql<string>`${sql.raw(this.#ordering.tie)}`.as('order_tie'),
      ])
      .where(after)
      .orderBy(order)
      .limit(this.limit)
      .$castTo<O & OrderKey>();
  }

  /** The same for a query that is written by hand. @param ordering of a part of the list whose columns have other names */
  clauses(ordering: Ordering = this.#ordering): OrderClauses {
    const { sql: by, type, unique = false } = columnOf(ordering, this.order);
    const [column, tie] = [sql.raw(by), sql.raw(ordering.tie)];
    const direction = sql.raw(this.order.descending ? ' desc' : '');
    const beyond = sql.raw(this.order.descending ? '<' : '>');
    const value = sql`${this.#at?.[0]}::${sql.raw(type)}`;
    return {
      key: sql`(${column})::text as order_value, ${tie} as order_tie`,
      after:
        this.#at === undefined
          ? sql<boolean>`true`
          : unique
            ? sql<boolean>`${column} ${beyond} ${value}`
            : sql<boolean>`(${column}, ${tie}) ${beyond} (${value}, ${this.#at[1]}::text)`,
      order: unique ? sql`${column}${direction}` : sql`${column}${direction}, ${tie}${direction}`,
    };
  }

  /** Cuts what was read to the page and says where the list goes on. */
  cut<R extends OrderKey>(rows: readonly R[]): { readonly rows: R[]; readonly next: string } {
    const { field, descending } = this.order;
    return this.#page.cut(rows, (row) => JSON.stringify([field, descending, row.order_value, row.order_tie]));
  }
}

function columnOf(ordering: Ordering, { field }: Order): OrderColumn {
  const column = ordering.by[field];
  if (column === undefined) throw new TypeError(`the list can not be ordered by ${field}`);
  return column;
}

function placeOf(key: string, order: Order): readonly [string, string] {
  let parts: unknown;
  try {
    parts = JSON.parse(key);
  } catch {
    throw new InvalidPageTokenError();
  }
  const [field, descending, value, tie] = Array.isArray(parts) ? (parts as unknown[]) : [];
  const isOf = field === order.field && descending === order.descending;
  if (!isOf || typeof value !== 'string' || typeof tie !== 'string') throw new InvalidPageTokenError();
  return [value, tie];
}
