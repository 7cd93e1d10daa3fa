import type { ReactNode } from 'react';
import { Notice } from './notice.tsx';
import type { Pages } from './pages.ts';
import { ListTable, type ListTableProps } from './table.tsx';

interface ListProps<R> extends Omit<ListTableProps<R>, 'rows' | 'onEnd'> {
  readonly pages: Pages<R>;
  /** What is shown in place of a table without rows. */
  readonly empty: ReactNode;
}

/** Every list of the console: what went wrong, or what would be here, or the rows, of which more come as one scrolls. */
export function List<R>({ pages, empty, ...table }: ListProps<R>) {
  const { rows, error, onEnd, retry } = pages;
  if (error !== null && rows === undefined) return <Notice error={error} retry={retry} />;
  return (
    <>
      {error !== null && <Notice error={error} retry={retry} />}
      {rows?.length === 0 ? empty : <ListTable {...table} rows={rows} onEnd={onEnd} />}
    </>
  );
}
