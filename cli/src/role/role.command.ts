import { repeated, type Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

const permissions = [
  '--permission <noun.verb>',
  'what it is made of; again for more (required): see truffle role permissions',
  repeated,
] as const;
const description = ['--description <text>', 'what it is for'] as const;

export const roleVerbs: readonly Verb<never>[] = [
  {
    usage: 'permissions',
    summary: 'List every permission: what it lets do, and which built-in roles have it.',
    examples: ['role permissions', 'role permissions --output json'],
    load: async () => (await import('./role.read.ts')).permissions,
  },
  {
    usage: 'list',
    summary: "List the built-in roles, marked as such, and the organization's own.",
    more: 'The built-in ones come first; the others are sorted.',
    options: [sort('name', 'created_at')],
    examples: ['role list'],
    load: async () => (await import('./role.read.ts')).list,
  },
  {
    usage: 'get <name>',
    summary: 'Show what a role is made of.',
    examples: ['role get deployer', 'role get operator'],
    load: async () => (await import('./role.read.ts')).get,
  },
  {
    usage: 'create <name>',
    summary: 'Make a role of permissions that you have.',
    options: [permissions, description],
    examples: ['role create deployer --permission cluster.get --permission cluster.list --permission cluster.create'],
    load: async () => (await import('./role.change.ts')).create,
  },
  {
    usage: 'set <name>',
    summary: 'Change what a role is made of, everywhere it is given.',
    options: [permissions, description],
    examples: ['role set deployer --permission cluster.get --permission cluster.create'],
    load: async () => (await import('./role.change.ts')).set,
  },
  {
    usage: 'delete <name>',
    summary: 'Delete a role that nobody has.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['role delete deployer'],
    load: async () => (await import('./role.change.ts')).remove,
  },
];
