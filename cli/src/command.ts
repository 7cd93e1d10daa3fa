import { Command, Option } from 'commander';
import type { GlobalFlags, Invocation } from './invocation.ts';

/** Does what a command says. */
export type Handler<O = object> = (cli: Invocation, args: readonly string[], options: O & GlobalFlags) => Promise<void>;

/** One command, as help shows it. Its code is loaded when it is called. */
export interface Verb<O = object> {
  /** With its arguments, e.g. `get <name>`. */
  readonly usage: string;
  /** One sentence. */
  readonly summary: string;
  /** What else one should know. */
  readonly more?: string;
  /** Each an option's flags and help, and how its value is read. */
  readonly options?: readonly (readonly [string, string, ((value: string, before: unknown) => unknown)?])[];
  /** Lines to type, each without the program's name. */
  readonly examples: readonly string[];
  readonly load: () => Promise<Handler<O>>;
}

/** Runs a handler with the invocation made of the options. */
export type Runner = (
  load: () => Promise<Handler<never>>,
  args: readonly string[],
  options: GlobalFlags,
) => Promise<void>;

/** Gathers the values of an option that may be given again. */
export const repeated = (value: string, before: unknown): string[] => [
  ...((before as string[] | undefined) ?? []),
  value,
];

/** A command of its own. */
export function verb<O>(spec: Verb<O>, run: Runner): Command {
  const command = new Command(spec.usage.split(' ')[0] ?? '')
    .description(spec.more === undefined ? spec.summary : `${spec.summary}\n\n${spec.more}`)
    .summary(spec.summary);
  for (const argument of spec.usage.split(' ').slice(1)) command.argument(argument);
  for (const [flags, help, read] of spec.options ?? []) {
    const option = new Option(flags, help);
    command.addOption(read === undefined ? option : option.argParser(read));
  }
  if (spec.examples.length > 0)
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((each) => `  $ truffle ${each}`).join('\n')}`);
  return command.action(async (...given: unknown[]) => {
    const args = given
      .slice(0, -2)
      .flat()
      .filter((each) => typeof each === 'string');
    await run(spec.load, args, command.optsWithGlobals<GlobalFlags>());
  });
}

/** A noun with its verbs. The type of each verb's options is its own affair. */
export function noun(
  name: string,
  summary: string,
  verbs: readonly Verb<never>[],
  run: Runner,
  alias?: string,
): Command {
  const command = new Command(name).description(summary);
  if (alias !== undefined) command.alias(alias);
  for (const each of verbs) command.addCommand(verb(each, run));
  return command;
}
