import { repeated, type Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';
import { wait, watch } from '../operation/wait.options.ts';

const spec = [
  ['--template <name[@version]>', 'template to make it from (required)'],
  ['--agent <name>', 'agent whose site it goes to; not needed where there is only one'],
  ['--set <key=value>', "a parameter's value; may be given again", repeated],
  ['--set-file <key=path>', "a parameter's value, read from a file", repeated],
  [
    '--secret-file <key=path>',
    "a secret parameter's value, read from a file (- for standard input) and sealed here for the agent",
    repeated,
  ],
] as const;

const sealing = `Parameters are checked here first. Values of secret parameters are sealed to the agent's key before they leave this machine: nothing between here and the site can read them. Secrets that the template can generate are made on the site when not given.`;

export const clusterVerbs: readonly Verb<never>[] = [
  {
    usage: 'create [name]',
    summary: 'Make a cluster from a template.',
    more: `${sealing}

The plan is shown first, and asked about on a terminal. Ctrl-C while waiting leaves the operation at work.`,
    options: [...spec, wait, watch, ['--dry-run', 'show the plan and stop'], ['-y, --yes', 'do not ask']],
    examples: [
      'cluster create hello --template static-site --wait',
      'cluster create db --template postgres@1.1.0 --set replicas=2 --secret-file password=./db.pass --wait --watch',
      'cluster create db --template postgres --dry-run',
    ],
    load: async () => (await import('./cluster.create.ts')).createCluster,
  },
  {
    usage: 'plan [name]',
    summary: 'Show what making a cluster would do, and whether the site has room for it.',
    more: 'Exits with 1 when it can not be done.',
    options: spec,
    examples: [
      'cluster plan db --template postgres --set replicas=2',
      'cluster plan db --template postgres --output json',
    ],
    load: async () => (await import('./cluster.create.ts')).planCluster,
  },
  {
    usage: 'list',
    summary: "List a project's clusters.",
    options: [['-a, --all', 'deleted ones too'], sort('name', 'state', 'created_at')],
    examples: ['cluster list', 'cluster list --sort "created_at desc"', 'cluster list --project web --output json'],
    load: async () => (await import('./cluster.read.ts')).list,
  },
  {
    usage: 'get <name>',
    summary: 'Show one cluster.',
    examples: ['cluster get hello', 'cluster get hello --output json'],
    load: async () => (await import('./cluster.read.ts')).get,
  },
  {
    usage: 'outputs <name>',
    summary: "Show a cluster's outputs; with --reveal those too that hold secrets.",
    more: `Sensitive outputs never leave their site in clear. With --reveal the site seals them to your key (truffle key create), if its own policy file names that key, and they are opened here. JSON and YAML hold values as they are; a table leaves out what would steer a terminal.`,
    options: [['--reveal', 'have the site seal sensitive outputs to your key, and open them']],
    examples: ['cluster outputs db', 'cluster outputs db --reveal', 'cluster outputs db --reveal --output json'],
    load: async () => (await import('./cluster.outputs.ts')).outputs,
  },
  {
    usage: 'watch <name>',
    summary: 'Show a cluster whenever it changes, until Ctrl-C.',
    examples: ['cluster watch hello', 'cluster watch hello --output json'],
    load: async () => (await import('./cluster.watch.ts')).watch,
  },
  {
    usage: 'delete <name>',
    summary: 'Destroy a cluster and its servers.',
    more: 'Their data is lost. On a terminal the name has to be typed; elsewhere --yes is needed.',
    options: [wait, watch, ['-y, --yes', 'do not ask']],
    examples: ['cluster delete hello --wait', 'cluster delete hello --yes'],
    load: async () => (await import('./cluster.delete.ts')).deleteCluster,
  },
];
