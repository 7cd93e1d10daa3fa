/** A page token that this list did not give this caller, as it is asked for now. */
export class InvalidPageTokenError extends Error {
  override readonly name = 'InvalidPageTokenError';
  constructor() {
    super('is not one that this list gave you for these filters in this organization; start again without page.token');
  }
}

export interface PageWanted {
  readonly size?: number | undefined;
  readonly token?: string | undefined;
}

/** `limit` rows after the row with `after` as its key (undefined: from the beginning). */
export interface Page {
  readonly limit: number;
  readonly after: string | undefined;
  /** Cuts what was read (one row more than `limit`) to the page and says where the list goes on. */
  cut<R>(rows: readonly R[], keyOf: (row: R) => string): { readonly rows: R[]; readonly next: string };
}

const defaultSize = 50;

/**
 * Keyset paging: a token holds the last row's sort key, so that it needs no state. The gate binds it to the list and the caller that it
 * was given to (`PageTokens` of the kit). Read `limit + 1` rows. @throws InvalidPageTokenError
 */
export function pageOf(wanted: PageWanted | undefined): Page {
  const limit = wanted?.size ? wanted.size : defaultSize;
  return {
    limit,
    after: wanted?.token ? decode(wanted.token) : undefined,
    cut: (rows, keyOf) => {
      const kept = rows.slice(0, limit);
      const last = kept.at(-1);
      return { rows: kept, next: rows.length > limit && last !== undefined ? encode(keyOf(last)) : '' };
    },
  };
}

const encode = (key: string): string => Buffer.from(`1:${key}`).toString('base64url');

function decode(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith('1:') || encode(text.slice(2)) !== token || text.includes('\0'))
    throw new InvalidPageTokenError();
  return text.slice(2);
}
