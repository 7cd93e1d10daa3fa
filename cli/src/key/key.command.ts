import type { Verb } from '../command.ts';

export const keyVerbs: readonly Verb<never>[] = [
  {
    usage: 'create',
    summary: 'Make your key pair: sites seal sensitive outputs to it.',
    more: `The private half stays in a file that only you can read: beside the folder's .truffle/context.json where that is in force, else beside the config of "truffle login". A key that is there is left alone. Name the public half in a site's policy file to let the site tell you secrets.`,
    examples: ['key create'],
    load: async () => (await import('./key.change.ts')).create,
  },
  {
    usage: 'show',
    summary: 'Print the public half of your key, and words to compare.',
    examples: ['key show', 'key show --output name'],
    load: async () => (await import('./key.change.ts')).show,
  },
];
