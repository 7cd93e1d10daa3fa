import type { Verb } from '../command.ts';

const filters = [
  ['--after <number>', 'only events with a number above this'],
  ['--resource <id>', 'only events of this resource'],
] as const;

export const eventVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: "List an organization's events, oldest first.",
    options: [...filters, ['--limit <count>', 'how many at most (50 unless told)']],
    examples: ['event list', 'event list --resource clu_01jd… --output json'],
    load: async () => (await import('./event.read.ts')).list,
  },
  {
    usage: 'watch',
    summary: 'Print events as they happen, until Ctrl-C.',
    options: filters,
    examples: ['event watch', 'event watch --after 120 --output json'],
    load: async () => (await import('./event.read.ts')).watch,
  },
];
