import type { Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

export const templateVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: 'List what can be deployed: your own templates and those that ship with Truffle.',
    options: [sort('name', 'title', 'created_at')],
    examples: ['template list', 'template list --output name'],
    load: async () => (await import('./template.read.ts')).list,
  },
  {
    usage: 'get <name[@version]>',
    summary: 'Show a template version and its parameters.',
    examples: ['template get postgres', 'template get postgres@1.1.0 --output json'],
    load: async () => (await import('./template.read.ts')).get,
  },
  {
    usage: 'versions <name>',
    summary: "List a template's versions, newest first.",
    examples: ['template versions postgres'],
    load: async () => (await import('./template.read.ts')).versions,
  },
  {
    usage: 'show <name[@version]>',
    summary: "Print a template version's source (YAML).",
    examples: ['template show postgres > my-postgres.yaml'],
    load: async () => (await import('./template.read.ts')).show,
  },
  {
    usage: 'validate <file>',
    summary: 'Check a template on this machine; needs no server.',
    more: 'Each problem comes with its line and column. - reads standard input. Exits with 1 when there are problems.',
    examples: ['template validate ./template.yaml', 'template validate ./template.yaml --output json'],
    load: async () => (await import('./template.change.ts')).validate,
  },
  {
    usage: 'create <file>',
    summary: 'Store a source as a version of the template that it names.',
    more: 'A version never changes: storing the same content again answers the version that is there.',
    examples: ['template create ./template.yaml'],
    load: async () => (await import('./template.change.ts')).create,
  },
  {
    usage: 'delete <name>',
    summary: 'Hide a template from lists and new clusters; clusters made from it keep their version.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['template delete my-postgres --yes'],
    load: async () => (await import('./template.change.ts')).remove,
  },
];
