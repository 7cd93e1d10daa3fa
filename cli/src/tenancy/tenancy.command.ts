import type { Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

const yes = ['-y, --yes', 'do not ask'] as const;

export const orgVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: 'List the organizations that you belong to.',
    examples: ['org list'],
    load: async () => (await import('./tenancy.organization.ts')).list,
  },
  {
    usage: 'get [name]',
    summary: 'Show an organization; the one in use unless named.',
    examples: ['org get acme'],
    load: async () => (await import('./tenancy.organization.ts')).get,
  },
  {
    usage: 'create <name>',
    summary: 'Make an organization with a first workspace and project; you become its owner.',
    options: [['--title <text>', 'what people read']],
    examples: ['org create acme --title "Acme Ltd"'],
    load: async () => (await import('./tenancy.organization.ts')).create,
  },
  {
    usage: 'require-second-factor <on|off>',
    summary: 'Say whether members reach the organization only with a second factor; keys are not concerned.',
    more: 'Who turns it on must have a second factor.',
    examples: ['org require-second-factor on'],
    load: async () => (await import('./tenancy.organization.ts')).requireSecondFactor,
  },
  {
    usage: 'delete <name>',
    summary: 'Delete an organization for good; it must have no clusters and no agents. Its name confirms it.',
    more: 'Nobody reaches it any more; people keep their accounts. Its audit trail is kept for as long as its plan says.',
    examples: ['org delete acme'],
    load: async () => (await import('./tenancy.organization.ts')).remove,
  },
];

export const workspaceVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: "List an organization's workspaces.",
    options: [sort('name', 'created_at')],
    examples: ['workspace list'],
    load: async () => (await import('./tenancy.workspace.ts')).list,
  },
  {
    usage: 'get <name>',
    summary: 'Show one workspace.',
    examples: ['workspace get default'],
    load: async () => (await import('./tenancy.workspace.ts')).get,
  },
  {
    usage: 'create <name>',
    summary: 'Make a workspace.',
    examples: ['workspace create research'],
    load: async () => (await import('./tenancy.workspace.ts')).create,
  },
  {
    usage: 'delete <name>',
    summary: 'Delete an empty workspace.',
    options: [yes],
    examples: ['workspace delete research --yes'],
    load: async () => (await import('./tenancy.workspace.ts')).remove,
  },
];

export const projectVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: "List an organization's projects.",
    options: [sort('name', 'created_at')],
    examples: ['project list'],
    load: async () => (await import('./tenancy.project.ts')).list,
  },
  {
    usage: 'get [name]',
    summary: 'Show a project; the one in use unless named.',
    examples: ['project get web'],
    load: async () => (await import('./tenancy.project.ts')).get,
  },
  {
    usage: 'create <name>',
    summary: 'Make a project.',
    options: [['--workspace <name>', 'workspace to make it in; not needed where there is only one']],
    examples: ['project create web', 'project create web --workspace research'],
    load: async () => (await import('./tenancy.project.ts')).create,
  },
  {
    usage: 'delete <name>',
    summary: 'Delete a project that holds no cluster.',
    options: [yes],
    examples: ['project delete web --yes'],
    load: async () => (await import('./tenancy.project.ts')).remove,
  },
];
