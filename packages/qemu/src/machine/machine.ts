import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { QemuError } from '../error.ts';

/** A network that machines of this host share. */
export interface Lan {
  /** Multicast address on loopback by which its frames go. */
  readonly group: string;
  readonly port: number;
}

/** A card on a network. */
export interface MachineCard {
  /** Lower case. */
  readonly mac: string;
  readonly lan: Lan;
}

/** What a machine boots: a kernel that is given to it, or what its disk begins with. */
export interface MachineBoot {
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
}

/** A machine as it is to be at its next start. */
export interface MachineSpec {
  /** Host name. */
  readonly name: string;
  readonly uuid: string;
  readonly cpu: number;
  readonly memoryMib: number;
  readonly cards: readonly MachineCard[];
  /** Whether the guest reaches what the host reaches. */
  readonly internet: boolean;
  readonly boot: MachineBoot;
}

/** A machine's record: what it is to be, and what its owner noted on it. */
export interface MachineRecord {
  readonly spec: MachineSpec;
  /** Whose it is and the like; of no meaning to the machine. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Paths in a machine's folder, where all lies that it owns. */
export interface MachinePlaces {
  readonly folder: string;
  readonly record: string;
  readonly disk: string;
  readonly seed: string;
  readonly pidFile: string;
  readonly monitor: string;
  readonly agent: string;
}

/** A UNIX socket's path has 107 characters at most. */
const longestFolder = 90;
const recordName = 'machine.json';

export function placesOf(folder: string): MachinePlaces {
  return {
    folder,
    record: join(folder, recordName),
    disk: join(folder, 'disk.qcow2'),
    seed: join(folder, 'seed.iso'),
    pidFile: join(folder, 'qemu.pid'),
    monitor: join(folder, 'monitor.sock'),
    agent: join(folder, 'agent.sock'),
  };
}

/** Whether a folder's path leaves room for the names of sockets. */
export const isShortEnough = (folder: string): boolean => Buffer.byteLength(folder) <= longestFolder;

/**
 * Makes a machine's folder whole or not at all: it is filled under another name and renamed.
 * @param fill makes the disk; given the draft's places
 * @throws QemuError QEMU_DAMAGED when the folder is there already, or what `fill` throws
 */
export async function makeMachine(
  folder: string,
  record: MachineRecord,
  fill: (draft: MachinePlaces) => Promise<void>,
): Promise<void> {
  const draft = placesOf(`${folder}.new`);
  rmSync(draft.folder, { recursive: true, force: true });
  mkdirSync(draft.folder, { recursive: true, mode: 0o700 });
  try {
    await fill(draft);
    writeRecord(draft.folder, record);
    if (existsSync(folder)) {
      const remedy = 'Look whose it is; nothing was changed.';
      throw new QemuError('QEMU_DAMAGED', `${folder} is there already`, { remedy });
    }
    renameSync(draft.folder, folder);
  } catch (error) {
    rmSync(draft.folder, { recursive: true, force: true });
    throw error;
  }
}

/** The machine's record; undefined when there is no machine. @throws QemuError QEMU_DAMAGED when it can't be read */
export function readRecord(folder: string): MachineRecord | undefined {
  const { record } = placesOf(folder);
  let text: string;
  try {
    text = readFileSync(record, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      if (!existsSync(folder)) return undefined;
      const remedy = 'It is no machine of ours: move it away.';
      throw new QemuError('QEMU_DAMAGED', `${folder} holds no ${recordName}`, { remedy, cause: error });
    }
    throw error;
  }
  try {
    const read = JSON.parse(text) as Partial<MachineRecord>;
    if (read.spec === undefined || read.labels === undefined) throw new Error('it lacks spec or labels');
    return { spec: read.spec, labels: read.labels };
  } catch (cause) {
    const remedy = 'Restore it from a backup, or move the folder away and make the machine anew.';
    throw new QemuError('QEMU_DAMAGED', `${record} can't be read`, { remedy, cause });
  }
}

/** On disk when it returns. */
export function writeRecord(folder: string, record: MachineRecord): void {
  replaceFile(placesOf(folder).record, `${JSON.stringify(record, null, 2)}\n`);
}

/** Replaces a file's content at once; readers see the old or the new. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  writeFileSync(`${path}.new`, content, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}

/** Removes a machine's folder: gone at once for whoever looks, then file by file. The process must have ended. */
export function removeMachine(folder: string): void {
  if (existsSync(folder)) {
    rmSync(`${folder}.gone`, { recursive: true, force: true });
    renameSync(folder, `${folder}.gone`);
  }
  for (const rest of [`${folder}.gone`, `${folder}.new`]) rmSync(rest, { recursive: true, force: true });
}

/** Names of the machines in a folder of machines; drafts and what is being removed are none. */
export function listMachines(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((each) => each.isDirectory() && !/\.(new|gone)$/.test(each.name)).map((each) => each.name);
}

/** The network of a name. Those of one `scope` and name are one network, whichever process asks. */
export function lanOf(scope: string, name: string): Lan {
  const digest = createHash('sha256').update(`${scope}\n${name}`).digest();
  const [a = 0, b = 0, c = 0] = digest;
  // Administratively scoped addresses: no router passes them on.
  return { group: `239.${a}.${b}.${c === 0 || c === 255 ? 1 : c}`, port: 20_000 + (digest.readUInt16BE(4) % 40_000) };
}

/** A MAC of our own for a card: the same for the same scope, number and place. */
export function macOf(scope: string, number: number, place: number): string {
  const digest = createHash('sha256').update(`${scope}\n${number}\n${place}`).digest();
  return [0x02, ...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
