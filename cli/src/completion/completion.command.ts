import type { Command } from 'commander';
import type { Verb } from '../command.ts';

/** @param program the commands to complete */
export const completionVerbs = (program: Command): readonly Verb<never>[] => [
  {
    usage: 'completion <shell>',
    summary: 'Print what makes a shell complete commands: bash, zsh or fish.',
    examples: [
      'completion bash > ~/.local/share/bash-completion/completions/truffle',
      'completion zsh > "${fpath[1]}/_truffle"',
      'completion fish > ~/.config/fish/completions/truffle.fish',
    ],
    load: async () => (await import('./completion.print.ts')).printScript,
  },
  {
    usage: '__complete [words...]',
    summary: 'Print what the last of the words may become.',
    examples: [],
    load: async () => (await import('./completion.print.ts')).completeIn(program),
  },
];
