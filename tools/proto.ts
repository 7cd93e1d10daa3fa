import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byCommand, execute, type Findings } from './command.ts';

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'truffle-check-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether the committed code is what `buf generate` makes of the contract now. */
export const generated = (): Promise<Findings> =>
  inFolder(async (folder) => {
    const made = await byCommand('buf', 'generate', '-o', folder);
    if (made.problems.length > 0) return made;
    const { code, output } = await execute('diff', [
      '-rq',
      join(folder, 'packages', 'api', 'gen'),
      join('packages', 'api', 'gen'),
    ]);
    return { problems: code === 0 ? [] : [`${output.replaceAll(folder, '(generated)')}\nrun: npm run generate`] };
  });

/** Whether the contract still serves those who use the last release, or before there is one, what main has. */
export const breaking = (): Promise<Findings> =>
  inFolder(async (folder) => {
    const base = await baseline();
    if (base === undefined)
      return { problems: [], note: 'there is no release and no main with a contract to compare with' };
    const archive = join(folder, 'base.tar');
    const packed = await byCommand(
      'git',
      'archive',
      '--output',
      archive,
      base,
      'buf.yaml',
      'proto',
      'third_party/proto',
    );
    if (packed.problems.length > 0) return packed;
    const unpacked = await byCommand('tar', '-xf', archive, '-C', folder);
    if (unpacked.problems.length > 0) return unpacked;
    return { ...(await byCommand('buf', 'breaking', '--against', folder)), note: `compared with ${base}` };
  });

/** The newest release tag; else main, here or at the origin; undefined in a clone that has neither with a contract in it. */
async function baseline(): Promise<string | undefined> {
  const tags = await execute('git', ['tag', '--list', 'v*', '--sort=-version:refname', '--merged', 'HEAD']);
  const candidates = [...(tags.code === 0 ? tags.output.split('\n') : []), 'origin/main', 'main'].filter(
    (name) => name !== '',
  );
  for (const name of candidates)
    if ((await execute('git', ['cat-file', '-e', `${name}:proto`])).code === 0) return name;
  return undefined;
}
