export const dashboard = {
  title: 'Overview',
} as const;
