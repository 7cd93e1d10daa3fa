import type { Verb } from '../command.ts';

export const logVerbs: readonly Verb<never>[] = [
  {
    usage: 'logs <operation|cluster>',
    summary: "Print an operation's log, or that of a cluster's latest operation.",
    more: 'Each line has a cursor (see --output json); --after goes on behind one.',
    options: [
      ['-f, --follow', 'go on with lines as they are written, until the operation has ended'],
      ['--after <cursor>', 'only lines after this one'],
    ],
    examples: ['logs hello', 'logs hello --follow', 'logs op_01jd… --after 01jd… --output json'],
    load: async () => (await import('./log.print.ts')).printLog,
  },
];
