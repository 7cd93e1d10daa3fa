import { repeated, type Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

export const accountVerbs: readonly Verb<never>[] = [
  {
    usage: 'login',
    summary: 'Sign in and keep the session in your config.',
    more: `Shows a code and opens your browser, where you sign in and approve it. Where there is no browser, open the address that is shown on any machine. --password (or --email, --password-file) signs in with your password instead; --with-token and --token-file keep an API key or a workload's token. The config (~/.config/truffle/config.json) is readable by you alone. In a folder with a .truffle/context.json, that file comes first.`,
    options: [
      ['--no-browser', 'show the address and the code only'],
      ['--password', 'ask for the address and the password on the terminal'],
      ['--email <address>', 'address to sign in with, by password'],
      ['--password-file <path>', 'file with the password; - for standard input'],
      ['--with-token', 'read the token from standard input, for CI'],
    ],
    examples: [
      'login',
      'login --endpoint https://truffle.example.com',
      'login --password --email ada@example.com',
      'login --with-token < token',
      'login --token-file ./key',
    ],
    load: async () => (await import('./account.sign-in.ts')).login,
  },
  {
    usage: 'logout',
    summary: 'End the session and forget it.',
    examples: ['logout'],
    load: async () => (await import('./account.sign-in.ts')).logout,
  },
  {
    usage: 'whoami',
    summary: 'Show who you are here and what you may do.',
    examples: ['whoami', 'whoami --output json'],
    load: async () => (await import('./account.sign-in.ts')).whoAmI,
  },
  {
    usage: 'version',
    summary: 'Print the version.',
    examples: ['version'],
    load: async () => (await import('./account.version.ts')).printVersion,
  },
];

export const contextVerbs: readonly Verb<never>[] = [
  {
    usage: 'show',
    summary: 'Show where commands go, as whom, and where each setting comes from.',
    examples: ['context show', 'context show --output json'],
    load: async () => (await import('./account.context.ts')).show,
  },
  {
    usage: 'list',
    summary: 'List the places that you have signed in at.',
    examples: ['context list'],
    load: async () => (await import('./account.context.ts')).list,
  },
  {
    usage: 'use [name]',
    summary: 'Choose the place, and with --org and --project what commands work in there.',
    examples: ['context use staging', 'context use --org acme --project web'],
    load: async () => (await import('./account.context.ts')).use,
  },
];

const role = [
  '--role <role>',
  "viewer, operator, admin, owner, auditor, or the name of a role of the organization's own (required)",
] as const;
const keyRole = ['--role <role>', 'viewer, operator, admin, owner or auditor; or --service-account'] as const;
const scope = [
  '--scope <place>',
  'org, project (the one in use), or the id of an organization, workspace, project, cluster, server or agent; org unless told',
] as const;

export const memberVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: 'List who may do what, where.',
    options: [sort('created_at', 'role', 'expires_at')],
    examples: ['member list', 'member list --sort expires_at'],
    load: async () => (await import('./account.member.ts')).list,
  },
  {
    usage: 'set <who>',
    summary: 'Give a person, group or service account a role at a place; a second time changes it.',
    more: 'A role that is denied or has times stands beside the one for good, one for each role.',
    options: [
      role,
      scope,
      ['--deny', 'take away what the role is made of, whatever else allows it'],
      ['--for <duration>', 'how long it holds, e.g. 8h; for good unless told'],
      ['--in <duration>', 'when it begins, e.g. 1h; at once unless told'],
    ],
    examples: [
      'member set ada@example.com --role operator --scope project',
      'member set group:platform --role deployer --for 8h',
      'member set service-account:ci --role operator --scope clu_01k0000000e0080000000000cd --deny',
    ],
    load: async () => (await import('./account.member.ts')).set,
  },
  {
    usage: 'remove <email|binding>',
    summary: 'Take a role away.',
    options: [scope],
    examples: ['member remove ada@example.com'],
    load: async () => (await import('./account.member.ts')).remove,
  },
  {
    usage: 'sign-out <email>',
    summary: 'End the sessions of a member: they have to prove anew who they are before they reach the organization.',
    examples: ['member sign-out ada@example.com'],
    load: async () => (await import('./account.member.ts')).signOut,
  },
];

export const apiKeyVerbs: readonly Verb<never>[] = [
  {
    usage: 'create <name>',
    summary: 'Make a key; it is printed only now.',
    more: 'The key alone goes to standard output with --output name.',
    options: [
      keyRole,
      scope,
      ['--service-account <name>', 'whose key it is: it may do what that may'],
      ['--permission <noun.verb>', "narrows a service account's key; again for more", repeated],
      ['--only-at <id>', "narrows a service account's key to a place; again for more", repeated],
      ['--expires-in <duration>', 'how long it is good for, e.g. 90d; for ever unless told'],
    ],
    examples: [
      'api-key create deploy --service-account ci --permission cluster.get --permission cluster.create',
      'api-key create ci --role operator --scope project --expires-in 90d --output name > key',
    ],
    load: async () => (await import('./account.api-key.ts')).create,
  },
  {
    usage: 'list',
    summary: "List an organization's keys, newest first.",
    options: [
      ['--service-account <name>', "only this service account's"],
      sort('created_at', 'name', 'last_used_at', 'expires_at'),
    ],
    examples: ['api-key list', 'api-key list --sort last_used_at'],
    load: async () => (await import('./account.api-key.ts')).list,
  },
  {
    usage: 'rotate <name>',
    summary: 'Give a key a new secret, printed only now; the old one stays good for a while.',
    options: [['--overlap <duration>', 'how long the old secret stays good, at most 30d; not at all unless told']],
    examples: ['api-key rotate ci --overlap 24h --output name > key'],
    load: async () => (await import('./account.api-key.ts')).rotate,
  },
  {
    usage: 'revoke <name>',
    summary: 'End a key at once.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['api-key revoke ci --yes'],
    load: async () => (await import('./account.api-key.ts')).revoke,
  },
];
