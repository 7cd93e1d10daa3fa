import { repeated, type Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

const verbsOf = () => import('./sso.verbs.ts');

/** Sign-in by the organization's OpenID provider. */
export const ssoVerbs: readonly Verb<never>[] = [
  {
    usage: 'create <name>',
    summary: 'Connect an OpenID provider, e.g. a Keycloak realm.',
    options: [
      ['--issuer <url>', "the provider's issuer (required)"],
      ['--client-id <id>', 'our client at the provider (required)'],
      ['--client-secret-file <path>', "file with the client's secret; - for standard input"],
      ['--map <claim=value:role[@place]>', 'what a claim gives; :role for everybody; may be given again', repeated],
      ['--bearer', "let the provider's access tokens call the API"],
    ],
    examples: [
      'sso create staff --issuer https://id.acme.example/realms/staff --client-id truffle --client-secret-file secret --map groups=dev:operator',
    ],
    load: async () => (await verbsOf()).create,
  },
  {
    usage: 'update <name>',
    summary: 'Change a connection; what is not said stays as it is, the secret too.',
    options: [
      ['--name <name>', 'another name'],
      ['--issuer <url>', "the provider's issuer"],
      ['--client-id <id>', 'our client at the provider'],
      ['--client-secret-file <path>', "file with the client's new secret; - for standard input"],
      ['--scope <scope>', 'scope to ask for beside openid, instead of those that are; may be given again', repeated],
      [
        '--map <claim=value:role[@place]>',
        'what a claim gives, instead of all that is mapped; again for more',
        repeated,
      ],
      ['--bearer', "let the provider's access tokens call the API"],
      ['--no-bearer', 'let them no longer'],
      ['--on', 'let people sign in by it'],
      ['--off', 'let nobody sign in by it; its sessions end'],
    ],
    examples: [
      'sso update staff --client-secret-file secret',
      'sso update staff --map groups=dev:operator',
      'sso update staff --off',
    ],
    load: async () => (await verbsOf()).update,
  },
  {
    usage: 'list',
    summary: "List an organization's connections.",
    options: [sort('created_at', 'name', 'issuer')],
    examples: ['sso list'],
    load: async () => (await verbsOf()).list,
  },
  {
    usage: 'delete <name>',
    summary: 'Delete a connection with its domains and links; its sessions end.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['sso delete staff'],
    load: async () => (await verbsOf()).remove,
  },
  {
    usage: 'domains',
    summary: "List an organization's domains, with the records that prove them.",
    options: [sort('domain', 'verified_at')],
    examples: ['sso domains'],
    load: async () => (await verbsOf()).domains,
  },
  {
    usage: 'add-domain <name> <domain>',
    summary: 'Add a domain of addresses to a connection; shows the DNS record that is to prove it.',
    examples: ['sso add-domain staff acme.example'],
    load: async () => (await verbsOf()).changeDomain('addDomain'),
  },
  {
    usage: 'verify-domain <name> <domain>',
    summary: 'Look for the DNS record that proves a domain.',
    examples: ['sso verify-domain staff acme.example'],
    load: async () => (await verbsOf()).changeDomain('verifyDomain'),
  },
  {
    usage: 'require-domain <name> <domain>',
    summary: 'Let people of a domain (but the owners) sign in by the connection only.',
    options: [['--off', 'no longer']],
    examples: ['sso require-domain staff acme.example'],
    load: async () => (await verbsOf()).require,
  },
  {
    usage: 'remove-domain <name> <domain>',
    summary: 'Take a domain away.',
    examples: ['sso remove-domain staff acme.example'],
    load: async () => (await verbsOf()).removeDomain,
  },
];
