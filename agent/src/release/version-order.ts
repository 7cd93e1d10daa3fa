/** A version as releases have it: three numbers, and what stands after a dash for one that comes before them. */
const versionForm = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-([0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*))?$/;

export const isVersion = (text: string): boolean => text.length <= 64 && versionForm.test(text);

/** Below 0 when `a` is older than `b`, 0 when they are the same, above 0 when it is newer (semver.org, 11). Both must be versions. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => versionForm.exec(text) ?? []);
  for (const part of [1, 2, 3]) {
    const difference = Number(left?.[part]) - Number(right?.[part]);
    if (difference !== 0) return difference;
  }
  const [before, after] = [left?.[4], right?.[4]];
  if (before === after) return 0;
  if (before === undefined) return 1;
  if (after === undefined) return -1;
  return comparePrereleases(before.split('.'), after.split('.'));
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i];
    if (right === undefined) return 1;
    if (left === right) continue;
    const numeric = [left, right].map((text) => /^\d+$/.test(text));
    if (numeric[0] === true && numeric[1] === true) return Number(left) - Number(right);
    if (numeric[0] !== numeric[1]) return numeric[0] === true ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return a.length - b.length;
}
