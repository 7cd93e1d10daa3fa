import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseRecipientKey, recipientKeyText, type SealingKeyPair } from '@truffle/sealing';
import { readIfThere } from '../context/project-file.ts';
import { CliError, exitCodes, UsageError } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';

const name = 'key.json';
const othersMayRead = 0o077;

/** There is a key already, and what was sealed to it would be lost with it. */
class KeyExistsError extends CliError {
  override readonly name = 'KeyExistsError';
  constructor(path: string, cause: unknown) {
    super(exitCodes.conflict, 'KEY_EXISTS', `you have a key already: ${path}`, {
      cause,
      next: ['truffle key show', 'to replace it: move the file away, then have each site name the new key'],
    });
  }
}

/** Where the person's key is: beside the project file where that decides where commands go, else beside the config. */
export function keyPath({
  context,
  projectFile,
  config,
}: Pick<Invocation, 'context' | 'projectFile' | 'config'>): string {
  const local = context().endpoint.source === 'project file' ? projectFile() : undefined;
  return join(dirname(local ?? config.path), name);
}

/** Writes a new key, for its owner's eyes only. @throws KeyExistsError when there is one */
export function writeKey(path: string, pair: SealingKeyPair): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, recipientKeyText(pair), { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw new KeyExistsError(path, error);
    throw error;
  }
}

/** The person's key. @throws UsageError when there is none, it is damaged, or others may read it */
export function readKey(path: string): SealingKeyPair {
  const text = readIfThere(path);
  if (text === undefined)
    throw new UsageError('you have no key that secrets could be sealed to', { next: ['truffle key create'] });
  if ((statSync(path).mode & othersMayRead) !== 0)
    throw new UsageError(`others may read your key: ${path}`, {
      next: [
        `chmod 600 ${path}`,
        'if somebody did: move it away, truffle key create, and have each site name the new key',
      ],
    });
  const pair = parseRecipientKey(text);
  if (pair === undefined)
    throw new UsageError(`${path} is no key`, {
      next: ['put it back from a backup, or move it away: truffle key create'],
    });
  return pair;
}
