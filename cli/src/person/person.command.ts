import type { Verb } from '../command.ts';
import { codeOption, passwordOption } from './person.input.ts';

const orgName = ['--org-name <name>', 'name of your first organization'] as const;

const accountOf = () => import('./person.account.ts');
const factorsOf = () => import('./person.factor.ts');

/** What a person does with their own account. */
export const personVerbs: readonly Verb<never>[] = [
  {
    usage: 'create <email>',
    summary: 'Sign up, with an organization of your own or by an invitation.',
    more: 'Where the control plane sends mail, the account is made once its link was followed.',
    options: [
      orgName,
      ['--invited', 'by an invitation: its code is asked for'],
      ['--display-name <text>', 'what others read; the address unless told'],
      passwordOption,
      codeOption,
    ],
    examples: ['account create ada@example.com --org-name acme', 'account create bob@example.com --invited'],
    load: async () => (await accountOf()).create,
  },
  {
    usage: 'complete',
    summary: 'Finish a sign-up with the code of the mail and the password that you chose.',
    options: [[orgName[0], 'another name, where the first one is taken by now'], passwordOption, codeOption],
    examples: ['account complete'],
    load: async () => (await accountOf()).complete,
  },
  {
    usage: 'verify',
    summary: 'Verify the address of your account with the code of the mail.',
    options: [codeOption],
    examples: ['account verify'],
    load: async () => (await accountOf()).verify,
  },
  {
    usage: 'resend <email>',
    summary: 'Send the mail of a sign-up or of an unverified address again.',
    examples: ['account resend ada@example.com'],
    load: async () => (await accountOf()).resend,
  },
  {
    usage: 'reset [email]',
    summary: 'Ask for a mail to set a new password, or with --link set it.',
    options: [['--link', 'set it with the code of the mail'], passwordOption, codeOption],
    examples: ['account reset ada@example.com', 'account reset --link'],
    load: async () => (await accountOf()).reset,
  },
  {
    usage: 'password',
    summary: 'Change your password; your other sessions end.',
    examples: ['account password'],
    load: async () => (await accountOf()).password,
  },
  {
    usage: 'address <email>',
    summary: 'Move your account to another address; mails go to both.',
    examples: ['account address ada@example.org'],
    load: async () => (await accountOf()).address,
  },
  {
    usage: 'confirm-address',
    summary: 'Confirm your new address with the code of the mail that went there.',
    options: [codeOption],
    examples: ['account confirm-address'],
    load: async () => (await accountOf()).confirmAddress,
  },
  {
    usage: 'keep-address',
    summary: 'Stop or take back a change of address with the code of the mail that went to the old one.',
    options: [codeOption],
    examples: ['account keep-address'],
    load: async () => (await accountOf()).keepAddress,
  },
  {
    usage: 'delete <email>',
    summary: 'Delete your account for good; its address confirms it.',
    more: 'Refused while you are the last owner of an organization. What you made there stays.',
    examples: ['account delete ada@example.com'],
    load: async () => (await accountOf()).remove,
  },
  {
    usage: 'factors',
    summary: 'List your second factors.',
    examples: ['account factors'],
    load: async () => (await factorsOf()).factors,
  },
  {
    usage: 'add-app <name>',
    summary: 'Add an authenticator app as a second factor; with the first one come recovery codes.',
    examples: ['account add-app phone'],
    load: async () => (await factorsOf()).addApp,
  },
  {
    usage: 'remove-factor <name>',
    summary: 'Remove a second factor.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['account remove-factor phone'],
    load: async () => (await factorsOf()).removeFactor,
  },
  {
    usage: 'recovery-codes',
    summary: 'Make recovery codes anew; the old ones end.',
    examples: ['account recovery-codes'],
    load: async () => (await factorsOf()).recoveryCodes,
  },
];
