/** Does `act` for each item, `most` at once; answers in the items' order. Rejects with the first failure, after what had begun. */
export async function inParallel<I, O>(
  items: readonly I[],
  most: number,
  act: (item: I) => Promise<O>,
): Promise<readonly O[]> {
  const done: O[] = [];
  const left = items.entries();
  const work = async (): Promise<void> => {
    for (const [at, item] of left) done[at] = await act(item);
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, work));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return done;
}
