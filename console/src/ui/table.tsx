import { Skeleton, Table } from '@radix-ui/themes';
import type { ReactNode } from 'react';

export interface Column<R> {
  readonly title: string;
  readonly cell: (row: R) => ReactNode;
}

interface ListTableProps<R> {
  readonly label: string;
  /** Undefined while they are on their way. */
  readonly rows: readonly R[] | undefined;
  readonly keyOf: (row: R) => string;
  /** The first says what the row is. */
  readonly columns: readonly Column<R>[];
}

/** Rows of one kind. */
export function ListTable<R>({ label, rows, keyOf, columns }: ListTableProps<R>) {
  return (
    <Skeleton loading={rows === undefined}>
      <Table.Root variant="surface" aria-label={label}>
        <Table.Header>
          <Table.Row>
            {columns.map(({ title }) => (
              <Table.ColumnHeaderCell key={title}>{title}</Table.ColumnHeaderCell>
            ))}
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {rows?.map((row) => (
            <Table.Row key={keyOf(row)} align="center">
              {columns.map(({ title, cell }, i) =>
                i === 0 ? (
                  <Table.RowHeaderCell key={title}>{cell(row)}</Table.RowHeaderCell>
                ) : (
                  <Table.Cell key={title}>{cell(row)}</Table.Cell>
                ),
              )}
            </Table.Row>
          ))}
        </Table.Body>
      </Table.Root>
    </Skeleton>
  );
}
