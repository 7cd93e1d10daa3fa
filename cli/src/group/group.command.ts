import type { Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

const description = ['--description <text>', 'what it is for'] as const;

export const groupVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: "List the organization's groups.",
    options: [sort('name', 'created_at')],
    examples: ['group list'],
    load: async () => (await import('./group.change.ts')).list,
  },
  {
    usage: 'create <name>',
    summary: 'Make an empty group.',
    options: [description],
    examples: ['group create platform', 'member set group:platform --role operator'],
    load: async () => (await import('./group.change.ts')).create,
  },
  {
    usage: 'rename <group> <name>',
    summary: 'Give a group another name.',
    options: [description],
    examples: ['group rename platform infrastructure'],
    load: async () => (await import('./group.change.ts')).rename,
  },
  {
    usage: 'members <group>',
    summary: 'List who is in a group.',
    options: [sort('subject', 'added_at')],
    examples: ['group members platform'],
    load: async () => (await import('./group.change.ts')).members,
  },
  {
    usage: 'add <group> <who>',
    summary: 'Put a member (by address) or a service account into a group.',
    examples: ['group add platform ada@example.com', 'group add platform service-account:ci'],
    load: async () => (await import('./group.change.ts')).add,
  },
  {
    usage: 'remove <group> <who>',
    summary: 'Take somebody out of a group.',
    examples: ['group remove platform ada@example.com'],
    load: async () => (await import('./group.change.ts')).removeMember,
  },
  {
    usage: 'delete <group>',
    summary: 'Delete a group with the roles that it was given.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['group delete platform'],
    load: async () => (await import('./group.change.ts')).remove,
  },
];
