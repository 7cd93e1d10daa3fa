import type { Verb } from '../command.ts';

export const accessVerbs: readonly Verb<never>[] = [
  {
    usage: 'explain <permission> [resource]',
    summary: 'Say why you, or somebody, may or may not do something.',
    more: `The resource is an id, org, or project (the one in use), which it is unless told. About yourself you may always ask; about others you need the permission access.explain.`,
    options: [
      ['--who <subject>', 'an address, service-account:NAME or a subject of truffle member list; you unless told'],
    ],
    examples: [
      'access explain cluster.delete clu_01k0000000e0080000000000cd',
      'access explain cluster.create project --who ada@example.com',
    ],
    load: async () => (await import('./access.read.ts')).explain,
  },
  {
    usage: 'who-can <permission> [resource]',
    summary: 'List who may do something, and by which role.',
    more: 'The resource is an id, org, or project (the one in use), which it is unless told.',
    examples: ['access who-can cluster.delete', 'access who-can member.set org'],
    load: async () => (await import('./access.read.ts')).whoCan,
  },
];
