import { QemuError } from '../error.ts';
import { lastLines, runProgram } from '../program/run.ts';

/** A snapshot inside a disk. */
export interface DiskSnapshot {
  readonly name: string;
  /** Unix seconds. */
  readonly madeAt: number;
  /** Whether the memory of the machine is part of it. */
  readonly withMemory: boolean;
}

/** A disk as its file says. */
export interface DiskFacts {
  readonly format: string;
  /** As the guest sees it. */
  readonly bytes: number;
  /** What it takes on the host. */
  readonly usedBytes: number;
  /** The file that it shares blocks with; undefined for none. */
  readonly backing: string | undefined;
  /** A file that holds its data in its place; undefined for none. */
  readonly dataFile: string | undefined;
  readonly snapshots: readonly DiskSnapshot[];
}

/** Copies of large images take minutes. */
const workMs = 600_000;
const lookMs = 20_000;

/** Makes and changes disks that no machine has open. All @throw QemuError QEMU_DISK_FAILED with qemu-img's words, or the signal's reason. */
export class Disks {
  readonly #img: string;
  readonly #signal: AbortSignal | undefined;

  constructor(img: string, signal?: AbortSignal) {
    this.#img = img;
    this.#signal = signal;
  }

  /** Makes a disk that shares the blocks of `base`, which must not change from then on. @param bytes undefined for those of `base` */
  async link(file: string, base: string, bytes?: number): Promise<void> {
    const size = bytes === undefined ? [] : [String(bytes)];
    await this.#run(['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, file, ...size], workMs);
  }

  /** Makes a disk that is a copy of `source`. @param format what the source is */
  async copy(source: string, file: string, format = 'qcow2'): Promise<void> {
    await this.#run(['convert', '-q', '-f', format, '-O', 'qcow2', source, file], workMs);
  }

  /** Grows a disk. */
  async resize(file: string, bytes: number): Promise<void> {
    await this.#run(['resize', '-q', '-f', 'qcow2', file, String(bytes)], lookMs);
  }

  /** Reads what a disk is; one that a machine has open too. */
  async facts(file: string): Promise<DiskFacts> {
    const row = JSON.parse(await this.#run(['info', '-U', '--output=json', file], lookMs)) as InfoRow;
    return {
      format: row.format,
      bytes: row['virtual-size'],
      usedBytes: row['actual-size'] ?? 0,
      backing: row['backing-filename'],
      dataFile: row['format-specific']?.data?.['data-file'],
      snapshots: (row.snapshots ?? []).map((each) => ({
        name: each.name,
        madeAt: each['date-sec'],
        withMemory: each['vm-state-size'] > 0,
      })),
    };
  }

  async snapshot(file: string, name: string): Promise<void> {
    await this.#run(['snapshot', '-q', '-c', name, file], workMs);
  }

  async rollBack(file: string, name: string): Promise<void> {
    await this.#run(['snapshot', '-q', '-a', name, file], workMs);
  }

  async deleteSnapshot(file: string, name: string): Promise<void> {
    await this.#run(['snapshot', '-q', '-d', name, file], workMs);
  }

  async #run(args: readonly string[], deadlineMs: number): Promise<string> {
    const ran = await runProgram(this.#img, args, { deadlineMs, signal: this.#signal });
    if (ran.code === 0) return ran.stdout;
    const output = lastLines(ran.stderr);
    const why = ran.late
      ? `it was ended after ${deadlineMs / 1_000} s`
      : (output.at(-1) ?? `exit status ${ran.code ?? 'none'}`);
    const full = output.some((line) => line.includes('No space left'));
    throw new QemuError('QEMU_DISK_FAILED', `qemu-img ${args[0] ?? ''} failed: ${why}`, {
      remedy: full ? 'Make room on the disk that holds the machines.' : 'Mend what qemu-img says, then try again.',
      output,
    });
  }
}

interface InfoRow {
  readonly format: string;
  readonly 'virtual-size': number;
  readonly 'actual-size'?: number;
  readonly 'backing-filename'?: string;
  readonly 'format-specific'?: { readonly data?: { readonly 'data-file'?: string } };
  readonly snapshots?: readonly {
    readonly name: string;
    readonly 'date-sec': number;
    readonly 'vm-state-size': number;
  }[];
}
