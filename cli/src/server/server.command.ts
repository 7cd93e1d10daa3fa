import type { Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';
import { wait, watch } from '../operation/wait.options.ts';

const yes = ['-y, --yes', 'do not ask'] as const;

const change = () => import('./server.change.ts');

export const serverVerbs: readonly Verb<never>[] = [
  {
    usage: 'list [cluster]',
    summary: "List a cluster's servers, or those of all clusters of the project.",
    options: [sort('name', 'role', 'state', 'node')],
    more: 'Those of all clusters together are sorted by name or state.',
    examples: ['server list hello', 'server list hello --sort state', 'server list --output json'],
    load: async () => (await import('./server.read.ts')).list,
  },
  {
    usage: 'get <name>',
    summary: 'Show one server.',
    examples: ['server get hello-web-0'],
    load: async () => (await import('./server.read.ts')).get,
  },
  {
    usage: 'metrics <name>',
    summary: 'Show what a server used: processor, memory, disks, networks.',
    more: "Its site's agent measures each 30 s, also while it is cut off; what was dropped or not measured is shown as a gap. Kept for a week.",
    options: [
      ['--since <duration>', 'from so long ago on; 1h unless told'],
      ['--until <duration>', 'until so long ago; now unless told'],
    ],
    examples: ['server metrics hello-web-0', 'server metrics hello-web-0 --since 3d --until 2d --output json'],
    load: async () => (await import('./server.metrics.ts')).metrics,
  },
  {
    usage: 'start <name>',
    summary: 'Make a server run.',
    options: [wait, watch],
    examples: ['server start hello-web-0 --wait'],
    load: async () => (await change()).start,
  },
  {
    usage: 'stop <name>',
    summary: 'Make a server stand still; nobody but "server start" makes it run again.',
    more: 'It is asked to shut down first; when it did not within the grace time, its power is cut. Asks on a terminal.',
    options: [
      ['--grace <duration>', "how long it is asked, e.g. 30s; the site's own bound unless told"],
      wait,
      watch,
      yes,
    ],
    examples: ['server stop hello-web-0 --wait', 'server stop hello-web-0 --grace 2m --yes'],
    load: async () => (await change()).stop,
  },
  {
    usage: 'snapshot <name>',
    summary: 'Take a snapshot of a server.',
    options: [['--memory', "keep a running server's memory too: it goes on where it was"], wait, watch],
    examples: ['server snapshot hello-web-0 --wait', 'server snapshot hello-web-0 --memory --wait --output name'],
    load: async () => (await change()).snapshot,
  },
  {
    usage: 'snapshots <name>',
    summary: "List a server's snapshots, newest first.",
    examples: ['server snapshots hello-web-0', 'server snapshots hello-web-0 --output json'],
    load: async () => (await change()).snapshots,
  },
  {
    usage: 'rollback <name> [snapshot]',
    summary: 'Put a server back to a snapshot, the newest unless one is named.',
    more: 'What it wrote since is lost, and it has the size again that it had then. It runs afterwards if it ran before. Asks on a terminal; elsewhere --yes is needed.',
    options: [wait, watch, yes],
    examples: ['server rollback hello-web-0 --wait', 'server rollback hello-web-0 tf-cmd_01jd… --wait --yes'],
    load: async () => (await change()).rollback,
  },
  {
    usage: 'delete-snapshot <name> <snapshot>',
    summary: 'Remove a snapshot of a server.',
    more: 'Asks on a terminal; elsewhere --yes is needed.',
    options: [wait, watch, yes],
    examples: ['server delete-snapshot hello-web-0 tf-cmd_01jd… --wait'],
    load: async () => (await change()).deleteSnapshot,
  },
  {
    usage: 'resize <name>',
    summary: 'Give a server more or fewer processors, more or less memory, or a larger disk.',
    more: 'What a running server can not take over takes effect when it starts the next time, or at once with --allow-restart.',
    options: [
      ['--cpu <count>', 'processors'],
      ['--memory <size>', 'memory, e.g. 4GiB'],
      ['--disk <size>', 'disk, e.g. 40GiB; it only grows'],
      ['--allow-restart', 'restart it where that is needed'],
      wait,
      watch,
    ],
    examples: [
      'server resize hello-web-0 --cpu 4 --memory 8GiB --allow-restart --wait',
      'server resize hello-web-0 --disk 40GiB --wait',
    ],
    load: async () => (await change()).resize,
  },
  {
    usage: 'migrate <name> <node>',
    summary: 'Move a server to another node of its site: live when it runs.',
    more: '"truffle agent get" lists the nodes.',
    options: [['--with-local-disks', "copy disks along that are on the node's own storage"], wait, watch],
    examples: ['server migrate hello-web-0 pve2 --wait'],
    load: async () => (await change()).migrate,
  },
];
