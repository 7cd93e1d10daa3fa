import type { Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';
import { wait, watch } from './wait.options.ts';

export const operationVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: "List a project's operations, newest first.",
    options: [
      ['--cluster <name>', 'only those of this cluster'],
      ['--limit <count>', 'how many at most (50 unless told)'],
      sort('created_at', 'kind', 'state'),
    ],
    examples: ['operation list', 'operation list --cluster hello --output json'],
    load: async () => (await import('./operation.read.ts')).list,
  },
  {
    usage: 'get <operation>',
    summary: 'Show one operation with its steps.',
    examples: ['operation get op_01jd…'],
    load: async () => (await import('./operation.read.ts')).get,
  },
  {
    usage: 'watch <operation|cluster>',
    summary: 'Follow an operation to its end.',
    more: 'Shows a live tree on a terminal, and with --output json the operation on a line whenever it changes. Ends with 1 when the operation fails.',
    options: [['--logs', 'show the log too']],
    examples: ['operation watch op_01jd…', 'operation watch hello --logs'],
    load: async () => (await import('./operation.read.ts')).watch,
  },
  {
    usage: 'cancel <operation>',
    summary: 'Ask an operation to stop; what it made stays until it is retried or undone.',
    options: [wait],
    examples: ['operation cancel op_01jd… --wait'],
    load: async () => (await import('./operation.change.ts')).cancel,
  },
  {
    usage: 'retry <operation>',
    summary: 'Go on where a failed or cancelled operation stopped.',
    options: [wait, watch],
    examples: ['operation retry op_01jd… --wait'],
    load: async () => (await import('./operation.change.ts')).retry,
  },
  {
    usage: 'undo <operation>',
    summary: 'Take back what a failed or cancelled operation did.',
    more: 'What a creation made is destroyed; a start, stop, resize or migration is turned round; what a snapshot left is removed. A deletion and a rollback can not be undone.',
    options: [wait, watch, ['-y, --yes', 'do not ask']],
    examples: ['operation undo op_01jd… --wait --yes'],
    load: async () => (await import('./operation.change.ts')).undo,
  },
];
