import { UsageError } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';
import { readInput } from '../invoke.ts';
import { askSecret } from '../prompt/prompt.ts';

export interface CodeFlags {
  readonly codeFile?: string;
}

export interface PasswordFlags {
  readonly passwordFile?: string;
}

export const codeOption = ['--code-file <path>', 'file with the code of the mail; - for standard input'] as const;
export const passwordOption = ['--password-file <path>', 'file with the password; - for standard input'] as const;

/** The code of a mail (`tft_…`), also where the whole link was given. */
export async function readCode(cli: Invocation, { codeFile }: CodeFlags): Promise<string> {
  const given =
    codeFile === undefined
      ? await askSecret(cli, 'Code or link of the mail', '--code-file')
      : readInput(codeFile, '--code-file');
  return /\btft_\w+/.exec(given)?.[0] ?? given.trim();
}

const instead = '--password-file (- for standard input)';

/** A password that is known already. */
export async function readPassword(
  cli: Invocation,
  { passwordFile }: PasswordFlags,
  message = 'Password',
): Promise<string> {
  return passwordFile === undefined
    ? askSecret(cli, message, instead)
    : readInput(passwordFile, '--password-file').replace(/\r?\n$/, '');
}

/** A new password, typed twice on a terminal. @throws UsageError when the two are not the same */
export async function readNewPassword(cli: Invocation, flags: PasswordFlags, message: string): Promise<string> {
  const chosen = await readPassword(cli, flags, message);
  if (flags.passwordFile === undefined && chosen !== (await askSecret(cli, `${message} again`, instead)))
    throw new UsageError('the two are not the same; nothing was done', { next: ['repeat the command'] });
  return chosen;
}
