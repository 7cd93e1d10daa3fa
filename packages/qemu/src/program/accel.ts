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
  const choice = await probeKvm(programs);
  mkdirSync(cacheFolder, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(choice));
  renameSync(draft, file);
  return choice;
}

/** Runs a guest of one sector under KVM. */
export async function probeKvm(programs: QemuPrograms): Promise<AccelChoice> {
  const folder = mkdtempSync(join(tmpdir(), 'truffle-kvm-'));
  try {
    const disk = join(folder, 'probe.img');
    writeFileSync(disk, bootSector());
    const machine = [
      '-machine',
      'pc',
      '-accel',
      'kvm',
      '-m',
      '16M',
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
    ];
    const devices = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04', '-drive', `file=${disk},format=raw,if=ide`];
    const ran = await runProgram(programs.system, [...machine, ...devices], { deadlineMs: patienceMs });
    if (ran.code === greeting * 2 + 1) return { accel: 'kvm', why: 'a guest ran to its end under KVM' };
    const said = ran.stderr.trim().split('\n').at(-1) ?? '';
    const why = ran.late ? `a guest under KVM did not end in ${patienceMs / 1_000} s` : `KVM can't be used: ${said}`;
    return { accel: 'tcg', why };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A boot sector that writes to the exit device and stands still. */
function bootSector(): Buffer {
  const sector = Buffer.alloc(512);
  // mov dx, 0xf4; mov al, greeting; out dx, al; hlt; jmp to the hlt
  sector.set([0xba, 0xf4, 0x00, 0xb0, greeting, 0xee, 0xf4, 0xeb, 0xfd]);
  sector.set([0x55, 0xaa], 510);
  return sector;
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
