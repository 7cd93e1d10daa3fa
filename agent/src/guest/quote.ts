/** A text as one word of sh. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command that writes the text, whatever is in it, to stdout. */
export function printing(text: string): string {
  return `printf %s ${quote(Buffer.from(text, 'utf8').toString('base64'))} | base64 -d`;
}
