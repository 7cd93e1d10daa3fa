import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { callUnaryMethod, createConnectQueryKey, useTransport } from '@connectrpc/connect-query';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { PageInfo } from '@truffle/api/type/v1/page';
import { useCallback } from 'react';

/** A list that the server gives page by page, as far as it was asked for. */
export interface Pages<R> {
  /** Undefined while the first page is on its way. */
  readonly rows: readonly R[] | undefined;
  readonly error: Error | null;
  /** Whether there is more than `rows`. */
  readonly more: boolean;
  /** Asks for the next page, if there is one and it is not on its way. */
  readonly onEnd: () => void;
  readonly retry: () => void;
}

interface PagesOptions {
  /** Rows in a page; 100 unless told, 500 at most. */
  readonly size?: number;
  readonly enabled?: boolean;
}

/**
 * Asks a list for its pages. Its answer gets old by the same events as every other (see live.tsx).
 * @param input the request without its `page`
 */
export function usePages<I extends DescMessage, O extends DescMessage, R>(
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
  rowsOf: (answer: MessageShape<O>) => readonly R[],
  { size = 100, enabled = true }: PagesOptions = {},
): Pages<R> {
  const transport = useTransport();
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: createConnectQueryKey({
      schema: method,
      input,
      transport,
      cardinality: 'infinite',
    }),
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      // Every list's request has a `page`, which the type of a method in general does not say.
      callUnaryMethod(
        transport,
        method,
        { ...input, page: { size, token: pageParam } },
        {
          signal,
        },
      ),
    getNextPageParam: (answer) => (answer as { readonly page?: PageInfo }).page?.next || undefined,
    enabled,
  });
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return {
    rows: data?.pages.flatMap((answer) => rowsOf(answer)),
    error,
    more: hasNextPage,
    onEnd,
    retry: () => void refetch(),
  };
}
