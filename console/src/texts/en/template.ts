export const template = {
  one: 'Template',
  many: 'Templates',
  none: 'No templates yet',
  noneHint: 'A template says which servers there are and what runs on them.',
} as const;
