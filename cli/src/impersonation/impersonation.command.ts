import type { Verb } from '../command.ts';

const verbsOf = () => import('./impersonation.verbs.ts');

/** Acting as a member of the organization. */
export const impersonationVerbs: readonly Verb<never>[] = [
  {
    usage: 'start <email>',
    summary:
      'Act as a member of your organization for a while: with what both of you may, and recorded under your name.',
    more: 'The member is told by mail and may end it. It is kept as a context of its own, so that only commands with --context act as them.',
    options: [
      ['--reason <text>', 'why, for the member and the audit trail (required)'],
      ['--for <duration>', 'for how long; 30m unless told, 1h at most'],
    ],
    examples: ['impersonation start ada@example.com --reason "ticket 4711: no clusters in her list"'],
    load: async () => (await verbsOf()).start,
  },
  {
    usage: 'end <email>',
    summary: 'End acting as somebody, at once.',
    examples: ['impersonation end ada@example.com'],
    load: async () => (await verbsOf()).end,
  },
];
