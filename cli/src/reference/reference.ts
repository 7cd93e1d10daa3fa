import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { buildProgram } from '../program.ts';

const intro = `# Command line

Made from the program's own help by \`node cli/src/reference/reference.ts\`; a test keeps the two equal.

Run it from a checkout with \`npx truffle …\` or \`npm run --silent truffle -- …\`.

- Data goes to standard output, everything else to standard error. \`--output json|yaml\` prints the API's own JSON form: a list is an
  array, one thing an object, a stream one document per line; 64-bit numbers are texts. \`--output name\` prints names, one per line.
- Nouns are given by name or by id. Prompts come only on a terminal; \`--no-input\` turns them off, \`--yes\` answers them.
- Colour and redrawing: off when standard error is no terminal and with \`TERM=dumb\`; \`NO_COLOR\` and \`FORCE_COLOR\` decide about colour.
- Ctrl-C leaves an operation at work and prints how to come back to it. A second one ends the program at once.
- Tokens are never given on the command line: \`truffle login\`, \`TRUFFLE_TOKEN\`, \`TRUFFLE_TOKEN_FILE\` or \`--token-file\`. A stored
  token goes only to the endpoint that it was stored with.
- Secret parameters are sealed to the agent's key before they leave your machine. The first key seen of an agent is kept; another one
  later is refused until \`truffle agent trust\` accepts it, unless the same agent has signed it in its log of keys.

| exit code | meaning |
|---|---|
| 0 | ok |
| 1 | failure: the operation failed, the plan is refused, the control plane can't be reached |
| 2 | usage: the command line, a file or a value is wrong |
| 4 | not signed in |
| 5 | not found |
| 6 | conflict: it exists already, has changed meanwhile, or is in a state that does not allow it |
| 7 | a quota is used up |
| 124 | not done within \`--timeout\` |
| 130 | interrupted (Ctrl-C) |

Settings come from a flag, else the environment (\`TRUFFLE_ENDPOINT\`, \`TRUFFLE_TOKEN\`, \`TRUFFLE_TOKEN_FILE\`, \`TRUFFLE_ORG\`,
\`TRUFFLE_PROJECT\`, \`TRUFFLE_CONTEXT\`), else the nearest \`.truffle/context.json\` in the folder or above it (\`npm start\` writes one), else
\`~/.config/truffle/config.json\`, else the default. \`truffle context show\` says which. \`TRUFFLE_DEBUG=1\` adds stack traces to errors.
`;

const columns = 100;

/** docs/cli.md, from the commands as they are. */
export function reference(): string {
  const program = buildProgram(() => Promise.resolve());
  return `${intro}\n${sections(program, 'truffle').join('\n')}`;
}

function sections(command: Command, path: string): string[] {
  // Help for a page as wide as this, whatever the terminal.
  command.configureHelp({ helpWidth: columns, showGlobalOptions: false });
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => columns,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  const own = `## ${path}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
  const children = command.commands.filter((each) => !each.name().startsWith('__'));
  return [own, ...children.flatMap((each) => sections(each, `${path} ${each.name()}`))];
}

if (import.meta.main) writeFileSync(new URL('../../../docs/cli.md', import.meta.url), reference());
