import { posix } from 'node:path';
import { readArguments } from './arguments.ts';
import type { Programs, Run } from './program.ts';

async function tee({ shell, args, io, fail }: Run): Promise<number> {
  const { options, operands } = readArguments(args);
  const content = await io.input.all();
  for (const name of operands) {
    const path = shell.path(name);
    if (name === '/dev/null') continue;
    if (!shell.guest.disk.hasParent(path)) return fail(`${name}: No such file or directory`);
    if (options.has('a') || options.has('append')) shell.guest.disk.append(path, Buffer.from(content, 'latin1'));
    else shell.guest.disk.write(path, Buffer.from(content, 'latin1'));
  }
  io.out(content);
  return 0;
}

function mkdir({ shell, args, fail }: Run): number {
  const { options, operands } = readArguments(args, ['m', 'mode']);
  for (const name of operands) {
    const path = shell.path(name);
    const parents = options.has('p') || options.has('parents');
    if (shell.guest.disk.isFile(path) || (!parents && shell.guest.disk.exists(path)))
      return fail(`cannot create directory '${name}': File exists`);
    if (!parents && !shell.guest.disk.hasParent(path))
      return fail(`cannot create directory '${name}': No such file or directory`);
    shell.guest.disk.mkdir(path);
  }
  return 0;
}

function remove({ shell, args, fail }: Run): number {
  const { options, operands } = readArguments(args);
  const force = options.has('f') || options.has('force');
  for (const name of operands) {
    const path = shell.path(name);
    if (posix.resolve(path) === '/') return fail("it is dangerous to operate recursively on '/'");
    if (shell.guest.disk.isDirectory(path) && !['r', 'R', 'recursive'].some((one) => options.has(one)))
      return fail(`cannot remove '${name}': Is a directory`);
    if (!shell.guest.disk.remove(path) && !force) return fail(`cannot remove '${name}': No such file or directory`);
  }
  return 0;
}

function move({ shell, args, fail }: Run): number {
  const { operands } = readArguments(args, ['t']);
  const target = operands.pop() ?? '';
  for (const name of operands) {
    if (!shell.guest.disk.exists(shell.path(target)) && !shell.guest.disk.hasParent(shell.path(target)))
      return fail(`cannot move '${name}' to '${target}': No such file or directory`);
    if (!shell.guest.disk.move(shell.path(name), shell.path(target)))
      return fail(`cannot stat '${name}': No such file or directory`);
  }
  return 0;
}

function copyTo({ shell, fail }: Run, name: string, target: string, recursive: boolean): number {
  const { disk } = shell.guest;
  const from = shell.path(name);
  const to = disk.isDirectory(shell.path(target))
    ? posix.join(shell.path(target), posix.basename(from))
    : shell.path(target);
  const content = disk.read(from);
  if (content !== undefined) {
    disk.write(to, content);
    return 0;
  }
  if (!disk.isDirectory(from)) return fail(`cannot stat '${name}': No such file or directory`);
  if (!recursive) return fail(`-r not specified; omitting directory '${name}'`);
  disk.mkdir(to);
  for (const path of disk.below(from)) {
    const inner = disk.read(path);
    const place = posix.join(to, path.slice(posix.resolve(from).length));
    if (inner === undefined) disk.mkdir(place);
    else disk.write(place, inner);
  }
  return 0;
}

function copy(run: Run): number {
  const { options, operands } = readArguments(run.args, ['t']);
  const target = options.get('t') ?? operands.pop() ?? '';
  const recursive = ['r', 'R', 'a', 'recursive', 'archive'].some((one) => options.has(one));
  return operands.map((name) => copyTo(run, name, target, recursive)).find((status) => status !== 0) ?? 0;
}

function install(run: Run): number {
  const { options, operands } = readArguments(run.args, ['m', 'o', 'g', 'mode', 'owner', 'group', 't']);
  const { disk } = run.shell.guest;
  if (options.has('d') || options.has('directory')) {
    for (const name of operands) disk.mkdir(run.shell.path(name));
    return 0;
  }
  const target = options.get('t') ?? operands.pop() ?? '';
  if (!options.has('D') && !disk.hasParent(run.shell.path(target)))
    return run.fail(`cannot create regular file '${target}': No such file or directory`);
  for (const name of operands) {
    if (name === '/dev/null') disk.write(run.shell.path(target), Buffer.alloc(0));
    else {
      const status = copyTo(run, name, target, false);
      if (status !== 0) return status;
    }
  }
  return 0;
}

/** Links are copies here: reading them gives the same. */
function link(run: Run): number {
  const { operands } = readArguments(run.args);
  const target = operands[1] ?? posix.basename(operands[0] ?? '');
  const source = posix.resolve(posix.dirname(run.shell.path(target)), operands[0] ?? '');
  if (run.shell.guest.disk.isFile(source)) return copyTo(run, source, target, false);
  if (run.shell.guest.disk.isDirectory(source)) run.shell.guest.disk.mkdir(run.shell.path(target));
  else run.shell.guest.disk.write(run.shell.path(target), Buffer.alloc(0));
  return 0;
}

function ls({ shell, args, io, fail }: Run): number {
  const { options, operands } = readArguments(args);
  for (const name of operands.length === 0 ? ['.'] : operands) {
    const path = shell.path(name);
    if (!shell.guest.disk.exists(path)) return fail(`cannot access '${name}': No such file or directory`, 2);
    const names = shell.guest.disk.isDirectory(path) && !options.has('d') ? shell.guest.disk.list(path) : [name];
    for (const one of names) if (!one.startsWith('.') || options.has('a') || options.has('A')) io.out(`${one}\n`);
  }
  return 0;
}

function mktemp({ shell, args, io }: Run): number {
  const { options, operands } = readArguments(args, ['p', 'tmpdir']);
  const folder = options.get('p') ?? '/tmp';
  const template = operands[0] ?? 'tmp.XXXXXXXXXX';
  const path = posix.resolve(
    template.includes('/') ? shell.directory : folder,
    template.replace(/X{3,}/, () => shell.guest.randomName()),
  );
  if (options.has('d') || options.has('directory')) shell.guest.disk.mkdir(path);
  else shell.guest.disk.write(path, Buffer.alloc(0));
  io.out(`${path}\n`);
  return 0;
}

function stat({ shell, args, io, fail }: Run): number {
  const { options, operands } = readArguments(args, ['c', 'format']);
  for (const name of operands) {
    const content = shell.guest.disk.read(shell.path(name));
    if (!shell.guest.disk.exists(shell.path(name))) return fail(`cannot statx '${name}': No such file or directory`);
    const format = options.get('c') ?? options.get('format') ?? '%n %s';
    const values: Record<string, string> = {
      n: name,
      s: String(content?.length ?? 4096),
      a: content === undefined ? '755' : '644',
      U: 'root',
      G: 'root',
      u: '0',
      g: '0',
      F: content === undefined ? 'directory' : 'regular file',
      Y: String(Math.floor(shell.guest.clock.now() / 1000)),
    };
    io.out(`${format.replaceAll(/%(\w)/g, (_, key: string) => values[key] ?? '?')}\n`);
  }
  return 0;
}

function find({ shell, args, io }: Run): number {
  const [root = '.'] = args;
  const name = args[args.indexOf('-name') + 1];
  const type = args.includes('-type') ? args[args.indexOf('-type') + 1] : undefined;
  const pattern =
    args.includes('-name') && name !== undefined
      ? new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}$`)
      : /./;
  for (const path of shell.guest.disk.below(shell.path(root))) {
    const right = type === undefined || (type === 'd') === shell.guest.disk.isDirectory(path);
    if (right && pattern.test(posix.basename(path))) io.out(`${path}\n`);
  }
  return 0;
}

const quiet = (): number => 0;

/** Commands on files and folders; owners, modes and times are accepted and forgotten. */
export const files: Programs = {
  tee,
  mkdir,
  rm: remove,
  mv: move,
  cp: copy,
  install,
  ln: link,
  ls,
  mktemp,
  stat,
  find,
  chmod: quiet,
  chown: quiet,
  chgrp: quiet,
  sync: quiet,
  fsync: quiet,
  chattr: quiet,
  mount: quiet,
  umount: quiet,
  rmdir: ({ shell, args }) =>
    args.every((name) => name.startsWith('-') || shell.guest.disk.remove(shell.path(name))) ? 0 : 1,
  touch: ({ shell, args, fail }) => {
    for (const name of readArguments(args, ['d', 't', 'r']).operands) {
      const path = shell.path(name);
      if (!shell.guest.disk.hasParent(path)) return fail(`cannot touch '${name}': No such file or directory`);
      if (!shell.guest.disk.exists(path)) shell.guest.disk.write(path, Buffer.alloc(0));
    }
    return 0;
  },
  truncate: ({ shell, args }) => {
    for (const name of readArguments(args, ['s', 'size']).operands)
      shell.guest.disk.write(shell.path(name), Buffer.alloc(0));
    return 0;
  },
  dirname: ({ args, io }) => {
    io.out(`${posix.dirname(args[0] ?? '')}\n`);
    return 0;
  },
  basename: ({ args, io }) => {
    io.out(`${posix.basename(args[0] ?? '', args[1])}\n`);
    return 0;
  },
  readlink: ({ shell, args, io }) => {
    io.out(`${posix.resolve(shell.directory, readArguments(args).operands[0] ?? '')}\n`);
    return 0;
  },
  realpath: ({ shell, args, io }) => {
    io.out(`${posix.resolve(shell.directory, readArguments(args).operands[0] ?? '')}\n`);
    return 0;
  },
};
