import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, sourceFiles, type Findings } from './command.ts';

const banned: ReadonlySet<string> = new Set(['common', 'core', 'utils', 'util', 'helpers', 'helper', 'misc', 'lib']);
const mostAtRoot = 25;
const notOurs = /^(packages\/api\/gen|third_party)\//;
/** Folders that each own something and say what. */
const owners = [
  'packages/*',
  'services/*',
  'agent',
  'cli',
  'console',
  'simulator',
  'bench',
  'tools',
  'templates',
  'deploy/*',
  'proto',
];
/** Where things lie on one machine; nothing that is committed may need it. */
const machinePath = new RegExp(['', 'work', '(main|shared)\\b'].join('/'));
const text = /\.(tsx?|mjs|cjs|json|md|yaml|yml|proto|sh)$/;

/** Names and places: folders named for what they hold, each with a README, nothing that only one machine has. */
export async function layout(): Promise<Findings> {
  const files = (await sourceFiles()).filter((file) => !notOurs.test(file));
  const problems: string[] = [];
  for (const file of files) {
    const name = file
      .split('/')
      .find((part, i, all) => banned.has(i === all.length - 1 ? (part.split('.')[0] ?? '') : part));
    if (name !== undefined) problems.push(`${file}: "${name}" says nothing about what is in it`);
    if (text.test(file) && file !== 'tools/layout.ts' && machinePath.test(readFileSync(join(root, file), 'utf8')))
      problems.push(`${file}: names a path of one machine`);
  }
  for (const folder of owners.flatMap((pattern) => globSync(pattern, { cwd: root })))
    if (files.some((file) => file.startsWith(`${folder}/`)) && !existsSync(join(root, folder, 'README.md')))
      problems.push(`${folder}: has no README.md`);
  const visible = new Set(files.map((file) => file.split('/')[0] ?? '').filter((name) => !name.startsWith('.')));
  if (visible.size > mostAtRoot) problems.push(`the root shows ${visible.size} entries; ${mostAtRoot} is the most`);
  return { problems };
}
