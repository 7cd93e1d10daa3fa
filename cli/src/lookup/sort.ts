/** The option of a list that says its order. @param fields what the list can be ordered by, its own order first */
export const sort = (...fields: readonly string[]): readonly [string, string] => [
  '--sort <order>',
  `by ${fields.join(', ')}; "${fields[0] ?? ''} desc" for the other way round`,
];

export interface SortFlags {
  readonly sort?: string;
}
