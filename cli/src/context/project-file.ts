import { readFileSync } from 'node:fs';
import { dirname, join, parse } from 'node:path';
import { UsageError } from '../failure/cli-error.ts';

/** What `npm start` writes for the tools of its checkout. */
export interface ProjectFile {
  readonly endpoint: string;
  readonly apiKey?: string | undefined;
  readonly orgId?: string | undefined;
  readonly projectId?: string | undefined;
}

export interface FoundProjectFile {
  readonly path: string;
  readonly file: ProjectFile;
}

/**
 * The nearest `.truffle/context.json` in `folder` or above it; undefined when there is none.
 * @throws UsageError when it is there and can't be understood
 */
export function findProjectFile(folder: string): FoundProjectFile | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, '.truffle', 'context.json');
    const text = readIfThere(path);
    if (text !== undefined) return { path, file: parseProjectFile(text, path) };
    if (at === parse(at).root) return undefined;
  }
}

function parseProjectFile(text: string, path: string): ProjectFile {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${path} is no JSON`, {
      cause,
      next: ['start the control plane again (npm start), or remove the file'],
    });
  }
  const given = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  const textOf = (key: string): string | undefined => (typeof given[key] === 'string' ? given[key] : undefined);
  const endpoint = textOf('endpoint');
  if (endpoint === undefined || !URL.canParse(endpoint))
    throw new UsageError(`${path} names no endpoint`, {
      next: ['start the control plane again (npm start), or remove the file'],
    });
  return { endpoint, apiKey: textOf('apiKey'), orgId: textOf('orgId'), projectId: textOf('projectId') };
}

/** The text of a file; undefined when it is absent. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
    throw error;
  }
}
