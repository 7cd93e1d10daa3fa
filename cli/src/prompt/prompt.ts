import { InterruptedError, UsageError } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';

/** Whether anybody is there to answer. */
type Asker = Pick<Invocation, 'interactive'>;

/**
 * Asks for a text that is shown while typed.
 * @throws UsageError when nobody is there to answer; `instead` says how to give it
 */
export async function askText(cli: Asker, message: string, instead: string, initial?: string): Promise<string> {
  const { text } = await clack(cli, message, instead);
  return answered(
    await text({ message, output: process.stderr, ...(initial === undefined ? {} : { initialValue: initial }) }),
  );
}

/** Asks for a text that is not shown. @throws as askText */
export async function askSecret(cli: Asker, message: string, instead: string): Promise<string> {
  const { password } = await clack(cli, message, instead);
  return answered(await password({ message, output: process.stderr }));
}

/** Asks yes or no. @throws as askText */
export async function askYes(cli: Asker, message: string): Promise<boolean> {
  const { confirm } = await clack(cli, message, '--yes');
  return answered(await confirm({ message, output: process.stderr }));
}

/**
 * Demands the name of what is to be destroyed, unless `yes`.
 * @throws UsageError for another name, and when nobody is there to type it
 */
export async function demandName(cli: Asker, what: string, name: string, yes: boolean): Promise<void> {
  if (yes) return;
  const typed = await askText(cli, `This ${what}. Type its name (${name}) to go on`, '--yes');
  if (typed !== name)
    throw new UsageError(`${JSON.stringify(typed)} is not its name; nothing was done`, {
      next: [`type ${name}, or use --yes`],
    });
}

async function clack(cli: Asker, message: string, instead: string): Promise<typeof import('@clack/prompts')> {
  if (!cli.interactive) throw new UsageError(`can't ask here: ${message}`, { next: [`give it by ${instead}`] });
  return import('@clack/prompts');
}

/** Clack answers a symbol of its own for Ctrl-C. */
function answered<T>(answer: T): Exclude<T, symbol> {
  if (typeof answer === 'symbol') throw new InterruptedError('nothing was done', ['repeat the command']);
  return answer as Exclude<T, symbol>;
}
