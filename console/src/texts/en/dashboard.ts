export const dashboard = {
  title: 'Overview',
  needsPerson: 'Needs a person',
  nothingNeeds: 'Nothing waits for you.',
  lately: 'Lately',
} as const;
