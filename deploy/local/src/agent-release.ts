import { join } from 'node:path';
import { outcomeOf } from './outcome.ts';
import { checkout, type StateFolder } from './state-folder.ts';

const releaseMilliseconds = 10 * 60_000;

/** Where the control plane finds what install.sh fetches. */
export const releaseFolder = (folder: StateFolder): string => join(folder.root, 'agent-releases');

/**
 * Makes this checkout's agent installable from here, signed by a key of this installation's own. It goes on beside what runs, since a first
 * build takes a while, and nothing waits for it; until it is there install.sh is not.
 */
export async function releaseAgent(
  folder: StateFolder,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const key = join(folder.keys, 'agent-release.key.pem');
  const args = [
    '--out',
    releaseFolder(folder),
    '--key',
    key,
    '--make-key',
    '--quick',
    '--platform',
    `linux-${process.arch}`,
  ];
  try {
    const { code, stderr } = await outcomeOf(
      [join(checkout, 'agent', 'release.ts'), ...args],
      {},
      releaseMilliseconds,
      signal,
    );
    if (code !== 0) say(`agent: no release was made, so install.sh is not served (code ${code}): ${stderr.trimEnd()}`);
  } catch (error) {
    if (!signal.aborted) say(`agent: no release was made, so install.sh is not served: ${String(error)}`);
  }
}
