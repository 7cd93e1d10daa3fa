import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { callUnaryMethod, createConnectQueryKey, useTransport } from '@connectrpc/connect-query';
import { useInfiniteQuery, type InfiniteData } from '@tanstack/react-query';
import type { PageInfo } from '@truffle/api/type/v1/page';
import { useCallback, useState } from 'react';

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

/** Pages that are asked for beside each other when a long list is asked again. */
const ahead = 3;

/**
 * Asks for the pages that were there beyond the one that is asked for now, while it is on its way: a page's token names the row before it, so
 * it stays good while the rows before it do. What the list no longer leads to is not looked at.
 */
class Ahead<A> {
  readonly #pages = new Map<string, Promise<A>>();

  /** @param tokens of the pages that were there, in their order */
  page(token: string, tokens: readonly string[], ask: (token: string) => Promise<A>): Promise<A> {
    const at = tokens.indexOf(token);
    for (const next of at < 0 ? [] : tokens.slice(at, at + 1 + ahead))
      if (!this.#pages.has(next)) {
        const answer = ask(next);
        // Whoever waits for it hears of it.
        answer.catch(() => undefined);
        this.#pages.set(next, answer);
      }
    return this.#pages.get(token) ?? ask(token);
  }
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
  const [fetches] = useState(() => new WeakMap<AbortSignal, Ahead<MessageShape<O>>>());
  const { data, error, hasNextPage, isFetching, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: createConnectQueryKey({
      schema: method,
      input,
      transport,
      cardinality: 'infinite',
    }),
    initialPageParam: '',
    queryFn: ({ pageParam, signal, client, queryKey }) => {
      const pages = fetches.get(signal) ?? new Ahead();
      fetches.set(signal, pages);
      const tokens = client.getQueryData<InfiniteData<MessageShape<O>, string>>(queryKey)?.pageParams ?? [];
      // Every list's request has a `page`, which the type of a method in general does not say.
      return pages.page(pageParam, tokens, (token) =>
        callUnaryMethod(transport, method, { ...input, page: { size, token } }, { signal }),
      );
    },
    getNextPageParam: (answer) => (answer as { readonly page?: PageInfo }).page?.next || undefined,
    enabled,
  });
  const onEnd = useCallback(() => {
    // Asked for meanwhile it would break off what is on its way: the pages that are there, asked again because they got old.
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  return {
    rows: data?.pages.flatMap((answer) => rowsOf(answer)),
    error,
    more: hasNextPage,
    onEnd,
    retry: () => void refetch(),
  };
}
