import type { Guest } from '../guest.ts';
import { SyntaxProblem } from './ast.ts';
import { runList } from './execute.ts';
import { lateInput } from './input.ts';
import { parse } from './parse.ts';
import { locate, runWords } from './programs.ts';
import { type Engine, Exit, Killed, Leave, Shell, ShellError } from './shell.ts';

/** What a script is run with. */
export interface Streams {
  user: string;
  /** Everything the other side sends, once it has. */
  stdin: () => Promise<Buffer>;
  stdout: (chunk: Buffer) => void;
  stderr: (chunk: Buffer) => void;
}

/** The exit status of a script whose machine went down. */
export const KILLED = 137;

/** Runs a script in the guest: an interpreter of its own, never a shell of the host. Answers the exit status. */
export async function runScript(guest: Guest, script: string, streams: Streams): Promise<number> {
  const shell = new Shell(
    guest,
    streams.user,
    {
      input: lateInput(streams.stdin),
      out: (text) => streams.stdout(Buffer.from(text, 'latin1')),
      err: (text) => streams.stderr(Buffer.from(text, 'latin1')),
    },
    ENGINE,
  );
  return runSource(shell, Buffer.from(script, 'utf8').toString('latin1'));
}

const ENGINE: Engine = { runList, runWords, runSource, locate };

async function runSource(shell: Shell, source: string): Promise<number> {
  const status = await guarded(shell, source);
  if (shell.exitTrap === undefined || status === KILLED) return status;
  const trap = shell.exitTrap;
  shell.exitTrap = undefined;
  shell.status = status;
  await guarded(shell, trap);
  return status;
}

async function guarded(shell: Shell, source: string): Promise<number> {
  try {
    return await runList(shell, parse(source));
  } catch (error) {
    if (error instanceof Exit) return error.status;
    if (error instanceof Killed) return KILLED;
    if (error instanceof Leave) return 0;
    if (error instanceof SyntaxProblem) {
      shell.io.err(`sh: ${error.line}: ${error.message}\n`);
      return 2;
    }
    if (error instanceof ShellError) {
      shell.io.err(`sh: ${error.message}\n`);
      return error.status;
    }
    throw error;
  }
}
