import type { Verb } from '../command.ts';

export const billingVerbs: readonly Verb<never>[] = [
  {
    usage: 'entitlements',
    summary: 'Show the plan, its limits and what is in use.',
    examples: ['entitlements', 'entitlements --output json'],
    load: async () => (await import('./billing.read.ts')).entitlements,
  },
  {
    usage: 'usage',
    summary: 'List what was used, newest first.',
    examples: ['usage', 'usage --output json'],
    load: async () => (await import('./billing.read.ts')).usage,
  },
];
