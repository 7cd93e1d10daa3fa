/** Programs by what is in their user agents; the more particular first, as each names its forebears. */
const programs = [
  ['truffle-cli', 'truffle'],
  ['Edg/', 'Edge'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const;
const systems = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['Mac OS', 'macOS'],
  ['Linux', 'Linux'],
] as const;

/** What people call a program and its system: `Chrome · Linux`. What is not known stays as it is. */
export function programOf(userAgent: string): string {
  const find = (known: readonly (readonly [string, string])[]): string | undefined =>
    known.find(([mark]) => userAgent.includes(mark))?.[1];
  const program = find(programs);
  return program === undefined ? userAgent : [program, find(systems)].filter((part) => part !== undefined).join(' · ');
}
