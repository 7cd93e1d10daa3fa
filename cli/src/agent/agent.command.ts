import type { Verb } from '../command.ts';

export const agentVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: 'List the connected sites.',
    examples: ['agent list', 'agent list --output json'],
    load: async () => (await import('./agent.read.ts')).list,
  },
  {
    usage: 'get <name>',
    summary: 'Show an agent, what its site has and what is wrong there.',
    examples: ['agent get demo'],
    load: async () => (await import('./agent.read.ts')).get,
  },
  {
    usage: 'ping <name>',
    summary: 'Send a command without effect to an agent and say how long it took.',
    examples: ['agent ping demo'],
    load: async () => (await import('./agent.read.ts')).ping,
  },
  {
    usage: 'preflight <name>',
    summary:
      'Say whether a site is ready: each missing privilege, storage, bridge and image, as its agent last saw it.',
    more: 'Ends with 1 when something is wrong. On the site itself, "truffle-agent preflight" looks at once and needs no connection.',
    examples: ['agent preflight demo', 'agent preflight demo --output json'],
    load: async () => (await import('./agent.preflight.ts')).preflight,
  },
  {
    usage: 'watch [name]',
    summary: 'Show agents whenever their state changes, until Ctrl-C.',
    examples: ['agent watch', 'agent watch demo --output json'],
    load: async () => (await import('./agent.read.ts')).watch,
  },
  {
    usage: 'trust <name>',
    summary: "Accept an agent's sealing key as the one that secrets are sealed to.",
    more: 'The first key seen is trusted by itself; this is for one that has changed. Compare the words with "truffle-agent status" on the site.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['agent trust demo'],
    load: async () => (await import('./agent.change.ts')).trust,
  },
  {
    usage: 'delete <name>',
    summary: 'Revoke an agent: its connection is closed and its certificate refused.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['agent delete old-site --yes'],
    load: async () => (await import('./agent.change.ts')).remove,
  },
];

export const agentJoinTokenVerbs: readonly Verb<never>[] = [
  {
    usage: 'create <agent-name>',
    summary:
      'Make a single-use token for a new agent, good for 15 minutes, and print the commands to paste on the site.',
    more: '--output name prints the token alone.',
    examples: ['agent join-token create office', 'agent join-token create office --output name > join-token'],
    load: async () => (await import('./agent.change.ts')).createJoinToken,
  },
];
