/** The choice that is most like `given`; undefined when none is within a third of its letters. */
export function nearest(given: string, choices: readonly string[]): string | undefined {
  const most = Math.ceil(given.length / 3);
  const ranked = choices
    .map((choice) => ({ choice, distance: editDistance(given.toLowerCase(), choice.toLowerCase(), most) }))
    .filter((each) => each.distance <= most)
    .toSorted((a, b) => a.distance - b.distance);
  return ranked[0]?.choice;
}

/** Levenshtein's distance; anything above `most` answers `most + 1`. */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? most + 1;
}
