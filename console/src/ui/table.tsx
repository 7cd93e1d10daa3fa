import { Skeleton, Table } from '@radix-ui/themes';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { memo, useCallback, useLayoutEffect, useRef, useState, type ReactNode, type RefCallback } from 'react';
import { keepReachable } from './scroll.tsx';
import { directionOf, nextOf, type Direction, type Sorting } from './sorting.ts';

export interface Column<R> {
  readonly title: string;
  readonly cell: (row: R) => ReactNode;
  /** Set where the server lists by this: the rows come in this order and no other. */
  readonly sorted?: Direction;
  /** The field of `order_by` with which the server sorts by this column: its title can be pressed. */
  readonly sort?: string;
}

export interface ListTableProps<R> {
  readonly label: string;
  /** Undefined while they are on their way. */
  readonly rows: readonly R[] | undefined;
  readonly keyOf: (row: R) => string;
  /** The first says what the row is. */
  readonly columns: readonly Column<R>[];
  /** The order of a list that the server sorts. */
  readonly sorting?: Sorting;
  /** The last rows came near the window: the time to ask for more. */
  readonly onEnd?: (() => void) | undefined;
}

/** Up to this many rows all are in the page, so that the browser's own search finds them. */
const mostDrawn = 100;
/** Height of a row of one line in pixels. */
const rowHeight = 45;
const rowsBeyondWindow = 6;
const nearEnd = 40;

/** Rows of one kind; of long lists only those near the window are drawn. */
export function ListTable<R>({ label, rows, keyOf, columns, sorting, onEnd }: ListTableProps<R>) {
  const count = rows?.length ?? 0;
  const isLong = count > mostDrawn;
  const root = useNamedTable(label, count + 1);
  return (
    <Skeleton loading={rows === undefined}>
      <Table.Root variant="surface" ref={root} className={isLong ? 'long-list' : undefined}>
        <Table.Header>
          <Table.Row>
            {columns.map((column) => (
              <Head key={column.title} column={column} sorting={sorting} />
            ))}
          </Table.Row>
        </Table.Header>
        {isLong && rows !== undefined ? (
          <LongBody {...{ rows, keyOf, columns, onEnd }} />
        ) : (
          <WholeBody {...{ rows: rows ?? [], keyOf, columns, onEnd }} />
        )}
      </Table.Root>
    </Skeleton>
  );
}

type BodyProps<R> = Pick<ListTableProps<R>, 'keyOf' | 'columns' | 'onEnd'> & { readonly rows: readonly R[] };

function WholeBody<R>({ rows, keyOf, columns, onEnd }: BodyProps<R>) {
  useNearEnd(rows.length - 1, rows.length, onEnd);
  return (
    <Table.Body>
      {rows.map((row, i) => (
        <BodyRow key={keyOf(row)} row={row} at={i} columns={columns as readonly Column<unknown>[]} />
      ))}
    </Table.Body>
  );
}

/** The rows near the window, between two gaps that stand for the others. What scrolling draws again is this alone. */
function LongBody<R>({ rows, keyOf, columns, onEnd }: BodyProps<R>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  // The same function while the rows are the same: with another one the place of each row is worked out anew.
  const getItemKey = useCallback((i: number) => (rows[i] === undefined ? i : keyOf(rows[i])), [rows, keyOf]);
  // Its functions change with each scroll, so nothing here may be remembered by the compiler; nothing is.
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowHeight,
    overscan: rowsBeyondWindow,
    scrollMargin: top,
    getItemKey,
  });
  const measure = useCallback(
    (row: HTMLTableRowElement | null) => {
      // To watch a row's height costs with each that comes, so only those are watched that are not as high as they were taken for.
      const taken = virtual.measurementsCache[Number(row?.dataset['index'])]?.size;
      if (row === null || row.offsetHeight !== taken) virtual.measureElement(row);
    },
    [virtual],
  );
  useLayoutEffect(() => {
    // What stands above the table may grow and shrink, and with it the page: then it is looked up again where the rows begin.
    const watch = new ResizeObserver(() =>
      setTop(body.current === null ? 0 : body.current.getBoundingClientRect().top + globalThis.scrollY),
    );
    watch.observe(document.body);
    return () => watch.disconnect();
  }, []);
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? -1;
  useNearEnd(last, rows.length, onEnd);
  const above = (items[0]?.start ?? top) - top;
  const below = virtual.getTotalSize() - ((items.at(-1)?.end ?? top) - top);
  return (
    <Table.Body ref={body}>
      <Gap height={above} columns={columns.length} />
      {rows.slice(first, last + 1).map((row, i) => (
        <BodyRow
          key={keyOf(row)}
          row={row}
          at={first + i}
          columns={columns as readonly Column<unknown>[]}
          measure={measure}
        />
      ))}
      <Gap height={below} columns={columns.length} />
    </Table.Body>
  );
}

/** Tells when the last of the rows that are there came near the window. @param last place of the last that is drawn */
function useNearEnd(last: number, count: number, onEnd: (() => void) | undefined): void {
  useLayoutEffect(() => {
    if (count > 0 && last >= count - nearEnd) onEnd?.();
  }, [last, count, onEnd]);
}

interface BodyRowProps {
  readonly row: unknown;
  /** Its place in the list, from 0. */
  readonly at: number;
  readonly columns: readonly Column<unknown>[];
  readonly measure?: RefCallback<HTMLTableRowElement>;
}

/** Drawn again only when it is another: of a list that is scrolled most rows stay, and cells cost. */
const BodyRow = memo(({ row, at, columns, measure }: BodyRowProps) => (
  <Table.Row align="center" aria-rowindex={at + 2} data-index={at} ref={measure}>
    {columns.map(({ title, cell }, i) =>
      i === 0 ? (
        <Table.RowHeaderCell key={title}>{cell(row)}</Table.RowHeaderCell>
      ) : (
        <Table.Cell key={title}>{cell(row)}</Table.Cell>
      ),
    )}
  </Table.Row>
));
BodyRow.displayName = 'BodyRow';

/** A column's title; where the server can sort by the column it is a button that has it do so. */
function Head<R>({ column, sorting }: { readonly column: Column<R>; readonly sorting: Sorting | undefined }) {
  const { title, sort } = column;
  const now = sort === undefined || sorting === undefined ? column.sorted : directionOf(sorting, sort);
  const arrow = now !== undefined && <span aria-hidden>{now === 'ascending' ? '↑' : '↓'}</span>;
  if (sort === undefined || sorting === undefined)
    return (
      <Table.ColumnHeaderCell aria-sort={now}>
        {title} {arrow}
      </Table.ColumnHeaderCell>
    );
  return (
    <Table.ColumnHeaderCell aria-sort={now ?? 'none'}>
      <button type="button" className="sort" onClick={() => sorting.set(nextOf(sorting, sort))}>
        {title} {arrow}
      </button>
    </Table.ColumnHeaderCell>
  );
}

/** Stands for rows that are not drawn. */
function Gap({ height, columns }: { readonly height: number; readonly columns: number }) {
  return height <= 0 ? null : (
    <Table.Row aria-hidden>
      <Table.Cell colSpan={columns} p="0" style={{ height }} />
    </Table.Row>
  );
}

/**
 * Names the table itself, which the kit draws within a box that scrolls sideways, and lets the keyboard get to that box where it does.
 * @returns the kit's root's `ref`
 */
export function useNamedTable(label: string, rowCount: number): RefCallback<HTMLDivElement> {
  return useCallback(
    (root: HTMLDivElement | null) => {
      if (root === null) return;
      const table = root.querySelector('table');
      table?.setAttribute('aria-label', label);
      table?.setAttribute('aria-rowcount', String(rowCount));
      const box = root.querySelector('[data-radix-scroll-area-viewport]');
      if (!(box instanceof HTMLElement) || table === null) return;
      return keepReachable(box, table);
    },
    [label, rowCount],
  );
}
