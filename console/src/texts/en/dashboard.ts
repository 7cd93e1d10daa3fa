const number = new Intl.NumberFormat('en');

export const dashboard = {
  title: 'Overview',
  needsPerson: 'Needs a person',
  nothingNeeds: 'Nothing waits for you.',
  lately: 'Lately',
  changes: 'Who changed what',
  online: 'online',
  ready: 'ready',
  of: (well: number, all: number) => `${number.format(well)} of ${number.format(all)}`,
} as const;
