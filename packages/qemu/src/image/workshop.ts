import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { QemuError } from '../error.ts';
import { Disks } from '../disk/disk.ts';
import { which } from '../program/programs.ts';
import { lastLines, runProgram } from '../program/run.ts';

/** Where an image is being built. */
export interface Workshop {
  readonly folder: string;
  readonly img: string;
  readonly signal: AbortSignal | undefined;
  /**
   * Makes a root folder of Debian packages.
   * @param variant `extract` unpacks them and no more; `minbase` is a small system with them installed
   * @param hooks shell lines that run with the root as `$1` while apt's lists are there
   */
  bootstrap(
    root: string,
    variant: 'extract' | 'minbase',
    packages: readonly string[],
    hooks: readonly string[],
  ): Promise<void>;
}

/** The release that guests are made of. */
export const suite = 'bookworm';

/** Of every guest's kernel. On a busy host its check of the timer fails under translation, and with that the boot. */
export const guestAppend = 'console=ttyS0 quiet net.ifnames=0 mitigations=off no_timer_check';

const programs = {
  mmdebstrap: 'mmdebstrap',
  'dpkg-deb': 'dpkg',
  mke2fs: 'e2fsprogs',
  lz4: 'lz4',
  'qemu-img': 'qemu-utils',
} as const;
const stepMs = 600_000;

/** What stands in the way of building images here; undefined for nothing. */
export function whyNotBuild(path = process.env['PATH'] ?? ''): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'guest images are built on Linux on x86-64 only';
  const missing = Object.entries(programs).filter(
    ([program]) => which(program, `${path}:/usr/sbin:/sbin`) === undefined,
  );
  if (missing.length > 0) return `apt-get install ${missing.map(([, name]) => name).join(' ')}`;
  return process.getuid?.() === 0 ? undefined : 'guest images are built by root';
}

export function openWorkshop(folder: string, img: string, signal: AbortSignal | undefined): Workshop {
  const workshop: Workshop = {
    folder,
    img,
    signal,
    bootstrap: async (root, variant, packages, hooks) => {
      const pruned = ['doc', 'man', 'locale', 'info', 'lintian'].map(
        (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
      );
      const args = [
        '--quiet',
        `--variant=${variant}`,
        `--include=${packages.join(',')}`,
        '--aptopt=APT::Install-Recommends "false"',
      ];
      // The last of its hooks that each variant calls while apt's lists are there.
      const when = variant === 'extract' ? 'extract' : 'customize';
      const after = hooks.map((hook) => `--${when}-hook=${hook}`);
      await must(workshop, 'mmdebstrap', [...args, ...pruned, ...after, suite, root]);
    },
  };
  return workshop;
}

/** Runs a program of the build. @throws QemuError QEMU_IMAGE_FAILED with what it said last */
export async function must(workshop: Workshop, program: string, args: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    LC_ALL: 'C',
    DEBIAN_FRONTEND: 'noninteractive',
  };
  const ran = await runProgram(program, args, { deadlineMs: stepMs, signal: workshop.signal, env });
  if (ran.code === 0) return ran.stdout;
  const output = lastLines(ran.stderr);
  const why = ran.late
    ? `it was ended after ${stepMs / 1_000} s`
    : (output.at(-1) ?? `exit status ${ran.code ?? 'none'}`);
  const remedy = 'Read what it said; packages come from the sources of apt on this machine.';
  throw new QemuError('QEMU_IMAGE_FAILED', `${program} failed: ${why}`, { remedy, output });
}

/** Makes a disk with one file system that holds a root folder. */
export async function makeDisk(workshop: Workshop, root: string, file: string, bytes: number): Promise<void> {
  const raw = join(workshop.folder, 'root.ext4');
  const options = ['-q', '-t', 'ext4', '-L', 'root', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1'];
  await must(workshop, 'mke2fs', [...options, '-d', root, raw, `${bytes / 1024}k`]);
  await new Disks(workshop.img, workshop.signal).copy(raw, file, 'raw');
  rmSync(raw);
}
