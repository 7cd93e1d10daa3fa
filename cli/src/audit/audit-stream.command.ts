import type { Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

export const auditStreamVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: 'List the streams and how they are.',
    options: [sort('created_at', 'name')],
    examples: ['audit stream list'],
    load: async () => (await import('./audit-stream.change.ts')).list,
  },
  {
    usage: 'create <name> <address>',
    summary: 'Send the audit trail to a webhook or a syslog receiver, from now on.',
    more: "A webhook's secret is printed once: its receiver checks signatures with it (Standard Webhooks).",
    options: [
      ['--kind <kind>', 'webhook, syslog-tls or syslog-tcp (webhook unless told)'],
      ['--ca <path>', "certificates (PEM) that the receiver's is checked against"],
    ],
    examples: [
      'audit stream create siem https://siem.example.com/truffle',
      'audit stream create siem logs.example.com:6514 --kind syslog-tls',
    ],
    load: async () => (await import('./audit-stream.change.ts')).create,
  },
  {
    usage: 'test <name>',
    summary: 'Send a ping and say what came of it.',
    examples: ['audit stream test siem'],
    load: async () => (await import('./audit-stream.change.ts')).test,
  },
  {
    usage: 'resume <name>',
    summary: 'Have a disabled stream go on where it was.',
    examples: ['audit stream resume siem'],
    load: async () => (await import('./audit-stream.change.ts')).resume,
  },
  {
    usage: 'delete <name>',
    summary: 'End a stream.',
    examples: ['audit stream delete siem'],
    load: async () => (await import('./audit-stream.change.ts')).remove,
  },
];
