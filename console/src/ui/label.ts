/** What names are made of, for a field's own check; the server has the last word. */
export const labelPattern = '[a-z]([a-z0-9\\-]{0,38}[a-z0-9])?';
