import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getAsset, isSea } from 'node:sea';

/** Name of the notice, beside the bundle's entry and among the executable's assets. */
export const noticeName = 'THIRD-PARTY.txt';
/** Name of the script that installs and removes the agent, in the same places. */
export const installScriptName = 'install.sh';

/** The licences of what is in this program. @throws Error when it runs from its sources, which carry their own */
export function licenses(): string {
  if (isSea()) return getAsset(noticeName, 'utf8');
  return readFileSync(join(import.meta.dirname, noticeName), 'utf8');
}
