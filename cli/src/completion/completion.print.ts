import type { Command } from 'commander';
import type { Handler } from '../command.ts';
import { UsageError } from '../failure/cli-error.ts';
import { listAgents, listClusters, listProjects, listTemplates } from '../lookup/find.ts';
import type { Session } from '../session.ts';

/** The words after the program's name, the last one unfinished, are given after `--`. */
const scripts: Readonly<Record<string, string>> = {
  bash: `_truffle() {
  local IFS=$'\\n'
  COMPREPLY=($(truffle __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _truffle truffle`,
  zsh: `#compdef truffle
_truffle() {
  local -a found
  found=("\${(@f)$(truffle __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $found
}
compdef _truffle truffle`,
  fish: `function __truffle_complete
  set -l words (commandline -opc) (commandline -ct)
  truffle __complete -- $words[2..-1] 2>/dev/null
end
complete -c truffle -f -a '(__truffle_complete)'`,
};

/** Longest that names are waited for. */
const patience = 1_500;

export const printScript: Handler = async (cli, [shell = '']) => {
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (script === undefined)
    throw new UsageError(`there is no completion for ${shell}`, {
      next: [`one of ${Object.keys(scripts).join(', ')}`],
    });
  await cli.out.plain({ shell, script }, script, script);
};

/** Prints a candidate on a line each. Says nothing when it knows none: a shell is not to be disturbed. */
export const completeIn =
  (program: Command): Handler =>
  async (cli, words) => {
    const { candidates, names } = candidatesOf(program, words);
    const last = words.at(-1) ?? '';
    const found =
      names === undefined
        ? []
        : await namesOf(await cli.session().catch(() => undefined), names, AbortSignal.timeout(patience));
    for (const each of [...candidates, ...found]) if (each.startsWith(last)) cli.out.line(each);
  };

/** What a word is the name of. */
type Named = 'cluster' | 'template' | 'agent' | 'project';

const namedOptions: Readonly<Record<string, Named>> = {
  '--template': 'template',
  '--agent': 'agent',
  '--project': 'project',
  '--cluster': 'cluster',
};
const namedNouns: Readonly<Record<string, Named>> = {
  cluster: 'cluster',
  template: 'template',
  agent: 'agent',
  project: 'project',
  server: 'cluster',
  logs: 'cluster',
  operation: 'cluster',
};

/** Commands and options that may stand where the last word is, and what it may name. */
export function candidatesOf(
  program: Command,
  words: readonly string[],
): { readonly candidates: readonly string[]; readonly names: Named | undefined } {
  let command = program;
  const path: string[] = [];
  for (const word of words.slice(0, -1)) {
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (next === undefined) continue;
    command = next;
    path.push(next.name());
  }
  const before = words.at(-2) ?? '';
  const last = words.at(-1) ?? '';
  const options = [...command.options, ...(command === program ? [] : program.options)];
  const asked = options.find((each) => each.long === before || each.short === before);
  if (asked?.argChoices !== undefined) return { candidates: asked.argChoices, names: undefined };
  if (asked !== undefined && (asked.required || asked.optional))
    return { candidates: [], names: namedOptions[asked.long ?? ''] };
  if (last.startsWith('-')) return { candidates: options.flatMap((each) => each.long ?? []), names: undefined };
  const commands = command.commands.map((each) => each.name()).filter((each) => !each.startsWith('__'));
  const takesName = commands.length === 0 && command.registeredArguments.length > 0 && command.name() !== 'create';
  return { candidates: commands, names: takesName ? namedNouns[path[0] ?? ''] : undefined };
}

async function namesOf(session: Session | undefined, what: Named, signal: AbortSignal): Promise<string[]> {
  if (session === undefined) return [];
  const readers = {
    cluster: () => listClusters(session),
    template: () => listTemplates(session),
    agent: () => listAgents(session),
    project: () => listProjects(session),
  };
  const late = new Promise<[]>((resolve) => signal.addEventListener('abort', () => resolve([]), { once: true }));
  const found = await Promise.race([readers[what](), late]).catch(() => []);
  return found.map((each: { readonly name: string }) => each.name);
}
