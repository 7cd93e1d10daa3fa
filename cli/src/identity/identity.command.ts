import type { Verb } from '../command.ts';

const verbsOf = () => import('./identity.verbs.ts');

/** The caller's sign-ins by providers. */
export const identityVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: 'List the providers that you sign in by.',
    examples: ['identity list'],
    load: async () => (await verbsOf()).list,
  },
  {
    usage: 'link <connection>',
    summary: "Link your account to your person at an organization's provider.",
    more: 'Shows an address and opens it where there is a browser. Once you have signed in there you are sent back; give the address that you were sent back to.',
    options: [['--answer-file <path>', 'file with the address that you were sent back to; - for standard input']],
    examples: ['identity link staff'],
    load: async () => (await verbsOf()).link,
  },
  {
    usage: 'unlink <id>',
    summary: 'Take a link away; sessions that were opened by it end.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['identity unlink idn_01kxyz'],
    load: async () => (await verbsOf()).unlink,
  },
];
