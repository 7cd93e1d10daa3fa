import { repeated, type Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

const filters = [
  ['--actor <subject>', 'only by this one, also through a service: user:usr_…, key:key_…, agent:agt_…'],
  ['--action <verb>', 'only this audit verb or event type; cluster.* for all of a noun'],
  ['--resource <id>', 'only what happened to this'],
  ['--in <project id>', 'only what happened in this project'],
  ['--result <result>', 'OK, REFUSED, or the reason of a refusal such as PERMISSION_DENIED'],
  ['--address <address>', 'only calls from this address'],
  ['--from <time>', 'from this time on, e.g. 2026-11-01 or 2026-11-01T08:00:00Z'],
  ['--until <time>', 'before this time'],
] as const;

export const auditVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: 'Search the audit trail, newest first.',
    options: [...filters, ['--limit <count>', 'how many at most (50 unless told)'], sort('occurred_at')],
    examples: ['audit list --result REFUSED', 'audit list --action api_key.* --from 2026-11-01'],
    load: async () => (await import('./audit.read.ts')).list,
  },
  {
    usage: 'watch',
    summary: 'Print what happens as it happens, until Ctrl-C.',
    options: [['--after <number>', 'only events with a number above this']],
    examples: ['audit watch'],
    load: async () => (await import('../event/event.read.ts')).watch,
  },
  {
    usage: 'export',
    summary: 'Write the audit trail to a file, oldest first.',
    more: 'Only an export of everything, as jsonl, can be verified.',
    options: [
      ...filters,
      ['--format <format>', 'jsonl or csv (jsonl unless told)'],
      ['--file <path>', 'file to write; - for standard output (as it is unless told)'],
    ],
    examples: ['audit export --file trail.jsonl', 'audit export --format csv --from 2026-11-01 --file november.csv'],
    load: async () => (await import('./audit.export.ts')).exportTrail,
  },
  {
    usage: 'verify',
    summary: 'Prove that nothing in the audit trail was changed, dropped or put in.',
    more: 'Without --file it asks the control plane; with it, no server is needed. Give checkpoints from their second place, so that a cut tail shows, and the public key that you kept.',
    options: [
      ['--file <path>', 'an export (jsonl) to verify'],
      ['--checkpoints <path>', 'file with checkpoints, a line each; may be given again', repeated],
      ['--public-key <path>', 'public key that signs checkpoints (PEM); may be given again', repeated],
    ],
    examples: [
      'audit verify',
      'audit verify --file trail.jsonl --checkpoints org_01jd….jsonl --public-key audit.pub.pem',
    ],
    load: async () => (await import('./audit.verify.ts')).verify,
  },
  {
    usage: 'erase <subject>',
    summary: "Erase somebody's name, addresses and user agents from the audit trail.",
    more: 'The records stay, and so does their proof. It cannot be undone.',
    examples: ['audit erase user:usr_01jd…'],
    load: async () => (await import('./audit.read.ts')).erase,
  },
];
