import type { Verb } from '../command.ts';

export const allowlistVerbs: readonly Verb<never>[] = [
  {
    usage: 'get',
    summary: 'Show which addresses the organization is used from, and yours.',
    examples: ['allowlist get'],
    load: async () => (await import('./allowlist.change.ts')).get,
  },
  {
    usage: 'set',
    summary: 'Say which addresses the organization is used from. A list that is not named stays; "" lets everybody in.',
    options: [
      ['--sessions <ranges>', 'for people: addresses and ranges, with commas between'],
      ['--api-keys <ranges>', 'for API keys'],
      ['--agents <ranges>', 'for agents'],
      ['--force', 'go on though you shut yourself out'],
    ],
    examples: ['allowlist set --sessions 203.0.113.0/24,2001:db8::/32', 'allowlist set --agents ""'],
    load: async () => (await import('./allowlist.change.ts')).set,
  },
];
