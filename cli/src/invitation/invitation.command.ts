import type { Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';
import { codeOption } from '../person/person.input.ts';

const verbsOf = () => import('./invitation.verbs.ts');
const scope = [
  '--scope <place>',
  'org, project (the one in use), or the id of an organization, workspace or project; org unless told',
] as const;

/** Inviting people. */
export const invitationVerbs: readonly Verb<never>[] = [
  {
    usage: 'create <email>',
    summary: 'Invite somebody to a role at a place, whether they have an account or not; again sends a new link.',
    options: [
      [
        '--role <role>',
        "viewer, operator, admin, owner, auditor, or the name of a role of the organization's own (required)",
      ],
      scope,
    ],
    examples: ['invitation create ada@example.com --role operator --scope project'],
    load: async () => (await verbsOf()).create,
  },
  {
    usage: 'list',
    summary: "List an organization's invitations.",
    options: [sort('created_at', 'email', 'expires_at')],
    examples: ['invitation list'],
    load: async () => (await verbsOf()).list,
  },
  {
    usage: 'revoke <email|id>',
    summary: 'Take an invitation back; its link ends.',
    examples: ['invitation revoke ada@example.com'],
    load: async () => (await verbsOf()).revoke,
  },
  {
    usage: 'accept',
    summary: 'Accept an invitation with the code of the mail.',
    options: [codeOption],
    examples: ['invitation accept'],
    load: async () => (await verbsOf()).accept,
  },
];
