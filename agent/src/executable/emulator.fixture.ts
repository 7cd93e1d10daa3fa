import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** How a program for linux-arm64 is run here; or why it can't be. */
export type Emulator = { readonly command: readonly string[] } | { readonly missing: string };

const libraries = '/usr/aarch64-linux-gnu';

/** The machine itself where it is one, else QEMU's emulation of programs with the libraries that Debian has for it. */
export function arm64(): Emulator {
  if (process.platform !== 'linux') return { missing: 'this is not Linux' };
  if (process.arch === 'arm64') return { command: [] };
  const program = (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, 'qemu-aarch64-static'))
    .find((path) => existsSync(path));
  if (program === undefined) return { missing: 'qemu-aarch64-static is missing (package qemu-user-static)' };
  for (const [file, from] of [
    ['ld-linux-aarch64.so.1', 'libc6-arm64-cross'],
    ['libstdc++.so.6', 'libstdc++6-arm64-cross'],
    ['libatomic.so.1', 'libatomic1-arm64-cross'],
  ] as const)
    if (!existsSync(join(libraries, 'lib', file))) return { missing: `${file} for arm64 is missing (package ${from})` };
  return { command: [program, '-L', libraries] };
}
