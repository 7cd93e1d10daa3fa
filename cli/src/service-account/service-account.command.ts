import type { Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

export const serviceAccountVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: "List the organization's service accounts.",
    options: [sort('name', 'created_at')],
    examples: ['service-account list'],
    load: async () => (await import('./service-account.change.ts')).list,
  },
  {
    usage: 'create <name>',
    summary: 'Make a service account that may do nothing yet.',
    options: [['--description <text>', 'what it is for']],
    examples: [
      'service-account create ci',
      'member set service-account:ci --role operator --scope project',
      'api-key create deploy --service-account ci',
    ],
    load: async () => (await import('./service-account.change.ts')).create,
  },
  {
    usage: 'disable <name>',
    summary: 'Have its keys refused, within 5 s.',
    examples: ['service-account disable ci'],
    load: async () => (await import('./service-account.change.ts')).disable,
  },
  {
    usage: 'enable <name>',
    summary: 'Let its keys in again.',
    examples: ['service-account enable ci'],
    load: async () => (await import('./service-account.change.ts')).enable,
  },
  {
    usage: 'delete <name>',
    summary: 'Delete a service account with its keys and roles.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['service-account delete ci'],
    load: async () => (await import('./service-account.change.ts')).remove,
  },
];
