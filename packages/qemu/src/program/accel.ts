import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './run.ts';
import type { QemuPrograms } from './programs.ts';

/** `kvm`: the processor runs guests itself. `tcg`: QEMU translates what they do, several times slower. */
export type Accel = 'kvm' | 'tcg';

/** What guests run under, and why. */
export interface AccelChoice {
  readonly accel: Accel;
  readonly why: string;
}

/** What every guest runs on: whether KVM can do that is what is asked of it. */
export const platform = (accel: Accel): readonly string[] => [
  '-machine',
  'q35',
  '-nodefaults',
  '-no-user-config',
  '-display',
  'none',
  ...(accel === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi']),
];

/** A guest under a KVM that works ends within a fraction of this. */
const patienceMs = 3_000;
/** What the guest gives to QEMU's exit device; it ends with twice that and one. */
const greeting = 0x10;

/**
 * Finds out what guests run under. A KVM that is there may still not run anything (a virtual machine in one that does not nest, for example),
 * so a guest of one sector is run to its end under it. Asked once for each boot of this machine.
 * @param cacheFolder keeps the answer
 */
export async function chooseAccel(programs: QemuPrograms, cacheFolder: string): Promise<AccelChoice> {
  const file = join(cacheFolder, `accel-${bootId()}.json`);
  const known = readChoice(file);
  if (known !== undefined) return known;
  const why = await whyNot(programs, 'kvm');
  const choice: AccelChoice =
    why === undefined
      ? { accel: 'kvm', why: 'a guest ran to its end under KVM' }
      : { accel: 'tcg', why: `KVM can't be used: ${why}` };
  mkdirSync(cacheFolder, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(choice));
  renameSync(draft, file);
  return choice;
}

/** Runs a guest of one sector. @returns why it did not come to its end; undefined when it did */
export async function whyNot(
  programs: QemuPrograms,
  accel: Accel,
  deadlineMs = patienceMs,
): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'truffle-accel-'));
  try {
    const disk = join(folder, 'probe.img');
    writeFileSync(disk, bootDisk());
    const devices = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04', '-drive', `file=${disk},format=raw,if=ide`];
    const args = [...platform(accel), '-m', '16M', ...devices];
    const ran = await runProgram(programs.system, args, { deadlineMs });
    if (ran.code === greeting * 2 + 1) return undefined;
    const said = ran.stderr.trim().split('\n').at(-1) ?? '';
    return ran.late ? `a guest did not end in ${deadlineMs / 1_000} s` : said;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A disk whose boot sector counts to fifty million, writes to the exit device and stands still. A processor counts so far in a twentieth of a second;
 * a KVM that follows each instruction itself lets a few of them pass for a guest that runs, and no operating system ever boot.
 */
function bootDisk(): Buffer {
  // The firmware takes no smaller disk.
  const disk = Buffer.alloc(1_048_576);
  const code = [
    [0x66, 0xb9, 0x80, 0xf0, 0xfa, 0x02], // mov ecx, 50,000,000
    [0x66, 0x49, 0x75, 0xfc], // dec ecx; jnz to the dec
    [0xba, 0xf4, 0x00, 0xb0, greeting, 0xee], // mov dx, 0xf4; mov al, greeting; out dx, al
    [0xf4, 0xeb, 0xfd], // hlt; jmp to the hlt
  ];
  disk.set(code.flat());
  disk.set([0x55, 0xaa], 510);
  return disk;
}

function readChoice(file: string): AccelChoice | undefined {
  try {
    const { accel, why } = JSON.parse(readFileSync(file, 'utf8')) as Partial<AccelChoice>;
    return accel === 'kvm' || accel === 'tcg' ? { accel, why: why ?? '' } : undefined;
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
