import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { QemuError } from '../error.ts';
import type { MachineBoot } from '../machine/machine.ts';

/** What machines are made from. Its disk never changes: machines share its blocks. */
export interface GuestImage {
  readonly name: string;
  readonly disk: string;
  readonly diskBytes: number;
  readonly boot: MachineBoot;
  /** Whether a guest of it that was suspended can go on as another. */
  readonly wakes: boolean;
}

/** As it lies beside the image's files; paths are relative to it. */
interface ImageFile {
  readonly name: string;
  readonly disk: string;
  readonly diskBytes: number;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly wakes?: boolean;
}

/** The file that describes an image in its folder. */
export const imageFileName = 'image.json';

/**
 * Reads an image.
 * @param path its folder, or the JSON file that describes it
 * @throws QemuError QEMU_DAMAGED when it is not there, or not whole
 */
export function readImage(path: string): GuestImage {
  const file = path.endsWith('.json') ? path : join(path, imageFileName);
  try {
    const read = JSON.parse(readFileSync(file, 'utf8')) as Partial<ImageFile>;
    if (typeof read.name !== 'string' || typeof read.disk !== 'string' || typeof read.diskBytes !== 'number')
      throw new Error('it lacks name, disk or diskBytes');
    const at = (name: string): string => resolve(dirname(file), name);
    return {
      name: read.name,
      disk: at(read.disk),
      diskBytes: read.diskBytes,
      wakes: read.wakes === true,
      boot: {
        ...(read.kernel === undefined ? {} : { kernel: at(read.kernel) }),
        ...(read.initrd === undefined ? {} : { initrd: at(read.initrd) }),
        ...(read.append === undefined ? {} : { append: read.append }),
      },
    };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const remedy = 'Build it (node packages/qemu/src/image/build.ts), or import it again.';
    throw new QemuError('QEMU_DAMAGED', `The image ${path} can't be read: ${why}`, { remedy, cause });
  }
}

/** What an image's describing file holds. */
export const imageText = (image: ImageFile): string => `${JSON.stringify(image, null, 2)}\n`;
