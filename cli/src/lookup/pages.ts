const pageSize = 200;
/** A bound on what one command reads: 100,000 items. */
const mostPages = 500;

/** All items of a paged list, page after page. */
export async function everyPage<T>(
  read: (page: {
    size: number;
    token: string;
  }) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let token = '';
  for (let count = 0; count < mostPages; count++) {
    const { items, next = '' } = await read({ size: pageSize, token });
    all.push(...items);
    if (next === '') break;
    token = next;
  }
  return all;
}
