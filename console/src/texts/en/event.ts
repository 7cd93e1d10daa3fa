export const event = {
  many: 'Events',
  none: 'Nothing has happened yet.',
  what: 'What',
  when: 'When',
  who: 'Who',
  number: 'No.',
  request: 'Request',
} as const;
