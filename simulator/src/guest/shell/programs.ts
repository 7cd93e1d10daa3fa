import { builtins } from './builtins.ts';
import { files } from './files.ts';
import { network } from './network.ts';
import { packages } from './packages.ts';
import { services } from './services.ts';
import type { Program } from './program.ts';
import type { Shell } from './shell.ts';
import { system } from './system.ts';
import { text } from './text.ts';
import { transform } from './transform.ts';
import { wrappers } from './wrappers.ts';

const ALL = new Map<string, Program>(
  Object.entries({
    ...files,
    ...text,
    ...transform,
    ...system,
    ...services,
    ...packages,
    ...network,
    ...wrappers,
    ...builtins,
  }),
);

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Whether a command would be found, and where. */
export function locate(shell: Shell, name: string): string | undefined {
  if (name.includes('/')) return shell.guest.disk.isFile(shell.path(name)) ? shell.path(name) : undefined;
  const file = FOLDERS.map((folder) => `${folder}/${name}`).find((path) => shell.guest.disk.isFile(path));
  if (file !== undefined) return file;
  return ALL.has(name) || shell.guest.services.packages.has(name) ? `/usr/bin/${name}` : undefined;
}

/** Runs a program by its words: known ones do what they do, scripts are run, the rest is said and succeeds. */
export async function runWords(shell: Shell, words: readonly string[]): Promise<number> {
  const [given = '', ...args] = words;
  const name = /^\/(usr\/)?(local\/)?s?bin\/[^/]+$/.test(given) ? (given.split('/').pop() ?? given) : given;
  const script = scriptAt(shell, given);
  if (script !== undefined) return runFile(shell, given, script, args);
  const program = ALL.get(name);
  if (program !== undefined) {
    return program({
      shell,
      name,
      args,
      io: shell.io,
      fail: (message, status = 1) => {
        shell.io.err(`${name}: ${message}\n`);
        return status;
      },
    });
  }
  if (given.includes('/') && locate(shell, given) === undefined && !/^\/(usr\/)?(local\/)?s?bin\//.test(given)) {
    shell.io.err(`sh: ${given}: not found\n`);
    return 127;
  }
  shell.io.out(`simulated: ${words.join(' ')}\n`);
  return 0;
}

function scriptAt(shell: Shell, name: string): string | undefined {
  const path = name.includes('/')
    ? shell.path(name)
    : FOLDERS.map((folder) => `${folder}/${name}`).find((one) => shell.guest.disk.isFile(one));
  const content = path === undefined ? undefined : shell.guest.disk.read(path)?.toString('latin1');
  return content !== undefined && /^#! ?\/(usr\/)?bin\/(env )?(ba|da)?sh\b/.test(content) ? content : undefined;
}

async function runFile(shell: Shell, name: string, source: string, args: string[]): Promise<number> {
  const child = shell.child();
  Object.assign(child.options, {
    errexit: /^#!.*sh\s+-\w*e/.test(source),
    nounset: false,
    xtrace: false,
    pipefail: false,
  });
  child.functions.clear();
  child.name = name;
  child.positional = args;
  return shell.engine.runSource(child, source);
}
