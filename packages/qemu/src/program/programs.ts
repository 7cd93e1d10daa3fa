import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { QemuError } from '../error.ts';
import { runProgram } from './run.ts';

/** QEMU's programs, as absolute paths. */
export interface QemuPrograms {
  /** Runs a machine. */
  readonly system: string;
  /** Makes and changes disks. */
  readonly img: string;
}

const packages = { system: ['qemu-system-x86_64', 'qemu-system-x86'], img: ['qemu-img', 'qemu-utils'] } as const;

/** Finds QEMU on a PATH. @throws QemuError QEMU_MISSING naming the packages to install */
export function findQemu(path: string = process.env['PATH'] ?? ''): QemuPrograms {
  const [system, img] = [which(packages.system[0], path), which(packages.img[0], path)];
  if (system !== undefined && img !== undefined) return { system, img };
  const missing = [system === undefined ? packages.system : [], img === undefined ? packages.img : []].flatMap(
    ([program]) => (program === undefined ? [] : [program]),
  );
  throw new QemuError('QEMU_MISSING', `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not on PATH`, {
    remedy: `Install QEMU (apt-get install ${packages.system[1]} ${packages.img[1]}).`,
  });
}

/** QEMU's version, such as 7.2.22; empty when it does not say. */
export async function qemuVersion({ system }: QemuPrograms): Promise<string> {
  const { stdout } = await runProgram(system, ['--version'], { deadlineMs: 10_000 });
  return /version (\d+(?:\.\d+)+)/.exec(stdout)?.[1] ?? '';
}

/** The first program of that name on a PATH; undefined when there is none. */
export function which(program: string, path: string): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
