import type { Verb } from '../command.ts';

export const serverVerbs: readonly Verb<never>[] = [
  {
    usage: 'list [cluster]',
    summary: "List a cluster's servers, or those of all clusters of the project.",
    examples: ['server list hello', 'server list --output json'],
    load: async () => (await import('./server.read.ts')).list,
  },
  {
    usage: 'get <name>',
    summary: 'Show one server.',
    examples: ['server get hello-web-0'],
    load: async () => (await import('./server.read.ts')).get,
  },
];
