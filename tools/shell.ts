import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, root, sourceFiles, type Findings } from './command.ts';

const shebang = /^#!\s*(?:\/usr)?\/bin\/(?:env )?(?:ba|da)?sh\b/;
/** Cautions about forms that are meant here: `a= b=` empties two variables, and in `a && b || c` c may follow a b that failed. */
const allowed = ['SC1007', 'SC2015'];

/** Every shell script of the repository, by its first line. Where shellcheck is missing nothing is looked at, and that is said. */
export async function shell(): Promise<Findings> {
  const scripts = (await sourceFiles()).filter((file) => shebang.test(firstLine(file)));
  try {
    const { code, output } = await execute('shellcheck', [`--exclude=${allowed.join(',')}`, ...scripts]);
    return { problems: code === 0 ? [] : [output] };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    return { problems: [], skipped: 'shellcheck is missing (apt-get install shellcheck)' };
  }
}

function firstLine(file: string): string {
  if (/\.(?:ts|tsx|md|json|svg|proto|snap|css|html)$/.test(file)) return '';
  return readFileSync(join(root, file), 'latin1').split('\n', 1)[0] ?? '';
}
