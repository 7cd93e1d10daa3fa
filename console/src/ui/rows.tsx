import { Button } from '@radix-ui/themes';
import { Fragment, useState, type ReactNode } from 'react';

/** One of the rows, and what may be done to it. */
export interface Row<R> {
  readonly value: R;
  /** Its place, from 0. */
  readonly at: number;
  readonly put: (patch: Partial<R>) => void;
  readonly drop: () => void;
}

interface RowsProps<R> {
  readonly rows: readonly R[];
  readonly fresh: R;
  /** Says what the button adds. */
  readonly add: string;
  readonly onChange: (rows: R[]) => void;
  readonly children: (row: Row<R>) => ReactNode;
}

/** A list in a form. Its rows have no name of their own, so each is told from the others by a number that it keeps while others come and go. */
export function Rows<R>({ rows, fresh, add, onChange, children }: RowsProps<R>) {
  const [kept, setNumbers] = useState<readonly number[]>([]);
  // Rows that were not put in here: they came with the form.
  const numbers = kept.length === rows.length ? kept : rows.map((_, at) => at);
  const put = (at: number, patch: Partial<R>): void =>
    onChange(rows.map((each, i) => (i === at ? { ...each, ...patch } : each)));
  const drop = (at: number): void => {
    setNumbers(numbers.toSpliced(at, 1));
    onChange(rows.toSpliced(at, 1));
  };
  return (
    <>
      {rows.map((value, at) => (
        <Fragment key={numbers[at]}>
          {children({ value, at, put: (patch) => put(at, patch), drop: () => drop(at) })}
        </Fragment>
      ))}
      <div>
        <Button
          type="button"
          size="1"
          variant="soft"
          onClick={() => {
            setNumbers([...numbers, Math.max(-1, ...numbers) + 1]);
            onChange([...rows, fresh]);
          }}
        >
          {add}
        </Button>
      </div>
    </>
  );
}
