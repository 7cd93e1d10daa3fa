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

/** A password; typed twice where it is a `fresh` one. */
export async function readPassword(
  cli: Invocation,
  { passwordFile }: PasswordFlags,
  message = 'Password',
): Promise<string> {
  return passwordFile === undefined
    ? askSecret(cli, message, '--password-file (- for standard input)')
    : readInput(passwordFile, '--password-file').replace(/\r?\n$/, '');
}
