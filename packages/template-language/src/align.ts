/**
 * Finds in `source[from, end)` the character that became `text[offset]`. Quotes, escapes, folding and indentation make the two differ;
 * walking both and skipping white space and escape marks where they part is exact for what people write and close for the rest.
 */
export function align(source: string, from: number, end: number, text: string, offset: number): number {
  let at = from;
  const opening = source[at];
  if (opening === '"' || opening === "'") at += 1;
  else if (opening === '|' || opening === '>') at = source.indexOf('\n', at) + 1;
  let index = 0;
  while (at < end) {
    const escaped = opening === '"' && source[at] === '\\';
    if (!escaped && source[at] === text[index]) {
      if (index === offset) return at;
      index += 1;
      at += 1;
    } else if (escaped) {
      if (index === offset) return at;
      const literal = source[at + 1] === text[index];
      at += 2;
      if (literal || /\s/.test(text[index] ?? '')) index += 1;
    } else if (/\s/.test(source[at] ?? '') || (opening === "'" && source[at] === "'")) at += 1;
    else if (/\s/.test(text[index] ?? '')) index += 1;
    else return at;
  }
  return Math.min(at, end);
}
