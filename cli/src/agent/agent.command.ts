import type { Verb } from '../command.ts';
import { sort } from '../lookup/sort.ts';

export const agentVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: 'List the connected sites.',
    options: [sort('name', 'state', 'version')],
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
    usage: 'import-image <name> <image>',
    summary: 'Have a site download an image and make a template of it that servers can be made from.',
    more: 'What is downloaded has to have the checksum. The site says where downloads go (importStorage). Repeating it tries a failed one again.',
    options: [
      ['--url <url>', 'where the hypervisor finds it, http or https (required)'],
      ['--sha256 <checksum>', 'of what is there, in hex (required)'],
      ['--node <name>', 'node that downloads it and holds the template; the first that is up unless told'],
      ['--storage <name>', "storage for its disk; the site's own choice unless told"],
      ['-w, --wait', 'wait until it is done, and show how it goes'],
    ],
    examples: [
      'agent import-image demo debian-13 --url https://images.example.com/debian-13.qcow2 --sha256 4f2c… --wait',
    ],
    load: async () => (await import('./agent.image.ts')).importImage,
  },
  {
    usage: 'image <name> <image>',
    summary: 'Show how the import of an image to a site stands.',
    examples: ['agent image demo debian-13', 'agent image demo debian-13 --output json'],
    load: async () => (await import('./agent.image.ts')).getImage,
  },
  {
    usage: 'orphans <name>',
    summary: 'Have an agent look for VMs that were servers and are wanted no more; with --remove, remove them.',
    more: 'Only what is ours by every proof is found: number, mark, tag and SMBIOS UUID. A number that an orphan stands on is not leased anew. Removing asks on a terminal; elsewhere --yes is needed.',
    options: [
      ['--remove', 'remove what is found; the data on it is lost'],
      ['-y, --yes', 'do not ask'],
    ],
    examples: ['agent orphans demo', 'agent orphans demo --remove --yes --output json'],
    load: async () => (await import('./agent.orphans.ts')).orphans,
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
    usage: 'release <name>',
    summary: 'Let an agent out of quarantine, or recover by itself once more.',
    more: 'Of two machines that say to be the same agent one goes on: the one whose "truffle-agent status" shows this holder. The other is refused until "truffle-agent reset" and a new join token.',
    options: [['--holder <fingerprint>', 'the holder that goes on, as its machine shows it']],
    examples: ['agent get office', 'agent release office --holder 3f9c0a12b7de'],
    load: async () => (await import('./agent.change.ts')).release,
  },
  {
    usage: 'approve <name>',
    summary: 'Let an agent work that was enrolled with --require-approval.',
    more: 'The words stand for all keys of the agent: with other words another machine has used the token, so revoke it.',
    options: [['--fingerprint <words>', 'the words that its site prints (truffle-agent status: approval)']],
    examples: ['agent approve office --fingerprint "cliff book carpet kiwi eclipse kitten parrot butter"'],
    load: async () => (await import('./agent.change.ts')).approve,
  },
  {
    usage: 'delete <name>',
    summary: 'Revoke an agent: its connection is closed and its certificate refused.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['agent delete old-site --yes'],
    load: async () => (await import('./agent.change.ts')).remove,
  },
];

export const agentRolloutVerbs: readonly Verb<never>[] = [
  {
    usage: 'get',
    summary: 'Show which version the agents are to have, and how far that is.',
    examples: ['agent rollout get'],
    load: async () => (await import('./agent.rollout.ts')).get,
  },
  {
    usage: 'set [version]',
    summary: 'Say which version the agents are to have, and how many of them. What is not named stays.',
    more: 'A version is a release that the control plane serves. Agents update when they are idle and their site allows it, the same ones first each time. It halts by itself when too many go back; setting it again lets it go on.',
    options: [
      ['--percent <share>', 'how many of a hundred agents, 0 to 100'],
      ['--failure-limit <share>', 'halt when so many of a hundred that tried it went back; 10 unless told'],
      ['--pause', 'hold it'],
    ],
    examples: ['agent rollout set 1.4.0 --percent 10', 'agent rollout set --percent 100', 'agent rollout set --pause'],
    load: async () => (await import('./agent.rollout.ts')).set,
  },
  {
    usage: 'updates',
    summary: 'List how updates ended, newest first.',
    examples: ['agent rollout updates', 'agent rollout updates --output json'],
    load: async () => (await import('./agent.rollout.ts')).updates,
  },
];

export const agentJoinTokenVerbs: readonly Verb<never>[] = [
  {
    usage: 'create <agent-name>',
    summary:
      'Make a single-use token for a new agent, good for 15 minutes, and print the commands to paste on the site.',
    more: '--output name prints the token alone.',
    options: [['--require-approval', 'no work for the agent before its words were compared: truffle agent approve']],
    examples: ['agent join-token create office', 'agent join-token create office --output name > join-token'],
    load: async () => (await import('./agent.change.ts')).createJoinToken,
  },
];
