import type { Verb } from '../command.ts';
import { repeated } from '../command.ts';
import { sort } from '../lookup/sort.ts';

const verbsOf = () => import('./trust.verbs.ts');

/** Issuers whose workloads get short-lived tokens. */
export const trustVerbs: readonly Verb<never>[] = [
  {
    usage: 'create <name>',
    summary: 'Trust the tokens of an issuer that meet conditions, e.g. of GitHub Actions.',
    more: 'At least one condition must name the workload: sub, repository and the like. A * stands for any characters.',
    options: [
      ['--issuer <url>', 'the issuer (required)'],
      ['--audience <text>', "what the tokens' aud must name (required)"],
      ['--condition <claim=pattern>', 'what a claim must be; may be given again', repeated],
      ['--service-account <name>', 'as whom its workloads act, with all that this may'],
      ['--role <role>', 'viewer, operator, admin or auditor, instead of a service account'],
      ['--scope <place>', 'org, project (the one in use), or an id; org unless told'],
      ['--lifetime <duration>', 'how long the tokens hold; 15m unless told, 1h at most'],
    ],
    examples: [
      'trust create ci --issuer https://token.actions.githubusercontent.com --audience truffle --condition "sub=repo:acme/web:ref:refs/heads/main" --service-account ci',
      'trust create ci --issuer https://token.actions.githubusercontent.com --audience truffle --condition "sub=repo:acme/web:ref:refs/heads/main" --role operator --scope project',
    ],
    load: async () => (await verbsOf()).create,
  },
  {
    usage: 'list',
    summary: "List an organization's trusts.",
    options: [sort('created_at', 'name', 'issuer')],
    examples: ['trust list'],
    load: async () => (await verbsOf()).list,
  },
  {
    usage: 'tokens <name>',
    summary: 'List the tokens that were given by a trust.',
    options: [sort('created_at', 'subject', 'expires_at')],
    examples: ['trust tokens ci'],
    load: async () => (await verbsOf()).tokens,
  },
  {
    usage: 'revoke <name>',
    summary: 'End a trust with its tokens.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['trust revoke ci'],
    load: async () => (await verbsOf()).revoke,
  },
  {
    usage: 'exchange <id>',
    summary: "Get a token for an issuer's, which is read from standard input; in CI.",
    more: 'The token alone goes to standard output with --output name.',
    examples: ['trust exchange tru_01kxyz --output name < id-token > token'],
    load: async () => (await verbsOf()).exchange,
  },
];
