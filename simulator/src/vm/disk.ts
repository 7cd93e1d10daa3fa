import type { Cluster } from '../cluster/cluster.ts';
import { RunError } from '../errors.ts';
import { formattingLine } from '../storage/storage.ts';
import type { TaskRun } from '../task/task.ts';
import { type Drive, formatSize, isCdrom, isCloudinit, readDrive, writeDrive } from './drive.ts';
import type { Vm } from './vm.ts';

const CLOUDINIT_BYTES = 4 * 1024 * 1024;

/** Turns a drive as asked for (`shared:3`, `shared:cloudinit`, `shared:0,import-from=…`) into the drive as stored, allocating its volume. */
export function allocateDrive(
  cluster: Cluster,
  vm: Vm,
  key: string,
  text: string,
  say: (line: string) => void,
): string {
  const drive = readDrive(key, text);
  const [, storeid = '', size = ''] = /^([^:]+):(\d+(?:\.\d+)?|cloudinit)$/.exec(drive.file) ?? [];
  if (storeid === '') return attach(cluster, vm, drive);
  const storage = cluster.storages.onNode(storeid, vm.node);
  if (!storage.content.includes('images'))
    throw new RunError(`storage '${storeid}' does not support content-type 'images'`);
  const format = drive.options['format'] ?? cluster.storages.defaultFormat(storage);
  if (size === 'cloudinit') return allocateCloudinit(cluster, vm, drive, storeid, say);
  const source = drive.options['import-from'];
  const bytes = source === undefined ? Math.round(Number(size) * 1024 ** 3) : importSize(cluster, source, vm.node);
  const volid = newImage(cluster, vm, storeid, format, bytes, say);
  const { format: _format, 'import-from': _source, ...options } = drive.options;
  const stored = { ...options, size: formatSize(bytes) };
  say(`${key}: successfully created disk '${writeDrive({ key, file: volid, options: stored })}'`);
  return writeDrive({ key, file: volid, options: stored });
}

function attach(cluster: Cluster, vm: Vm, drive: Drive): string {
  if (drive.file === 'none' || drive.file === 'cdrom' || drive.file.startsWith('/')) return writeDrive(drive);
  const [storeid = ''] = drive.file.split(':');
  cluster.storages.onNode(storeid, vm.node);
  const volume = cluster.storages.volume(drive.file, vm.node);
  if (volume === undefined) throw new RunError(`volume '${drive.file}' does not exist`);
  if (isCdrom(drive))
    return writeDrive({ ...drive, options: { ...drive.options, size: `${Math.ceil(volume.size / 1024)}K` } });
  return writeDrive({ ...drive, options: { ...drive.options, size: formatSize(volume.size) } });
}

function importSize(cluster: Cluster, source: string, node: string): number {
  const volume = cluster.storages.volume(source, node);
  if (volume === undefined) throw new RunError(`volume '${source}' does not exist`);
  return volume.size;
}

function allocateCloudinit(
  cluster: Cluster,
  vm: Vm,
  drive: Drive,
  storeid: string,
  say: (line: string) => void,
): string {
  const storage = cluster.storages.get(storeid);
  const format = drive.options['format'] ?? cluster.storages.defaultFormat(storage);
  const volid = cluster.storages.imageId(storage, vm.vmid, `vm-${vm.vmid}-cloudinit`, format);
  const path = cluster.storages.path(volid);
  if (cluster.storages.volume(volid, vm.node) !== undefined) {
    throw new RunError(`${drive.key}: unable to create image - file '${path}' already exists (File exists)`);
  }
  addImage(cluster, vm, volid, storeid, format, CLOUDINIT_BYTES, say);
  const text = writeDrive({ key: drive.key, file: volid, options: { media: 'cdrom' } });
  say(`${drive.key}: successfully created disk '${text}'`);
  return text;
}

/** Allocates an image for a guest; answers its volume id. */
export function newImage(
  cluster: Cluster,
  vm: Vm,
  storeid: string,
  format: string,
  bytes: number,
  say: (line: string) => void,
): string {
  const storage = cluster.storages.onNode(storeid, vm.node);
  const free = storage.total - cluster.storages.used(storeid, vm.node);
  if (bytes > free * 20) throw new RunError(`unable to create image: not enough free space on storage '${storeid}'`);
  const volid = cluster.storages.imageId(
    storage,
    vm.vmid,
    cluster.storages.freeDiskName(storage, vm.vmid, vm.node),
    format,
  );
  addImage(cluster, vm, volid, storeid, format, bytes, say);
  return volid;
}

function addImage(
  cluster: Cluster,
  vm: Vm,
  volid: string,
  storeid: string,
  format: string,
  bytes: number,
  say: (line: string) => void,
): void {
  if (format === 'qcow2') say(formattingLine(cluster.storages.path(volid), bytes));
  cluster.storages.add(
    {
      volid,
      storage: storeid,
      content: 'images',
      format,
      size: bytes,
      used: Math.min(bytes, 331_776),
      vmid: vm.vmid,
      ctime: cluster.seconds(),
    },
    vm.node,
  );
}

/** Deletes the volumes a guest owns; those of linked clones' bases are refused before. */
export function freeVolumes(cluster: Cluster, vm: Vm, drives: readonly Drive[]): void {
  for (const drive of drives) {
    const volume = cluster.storages.volume(drive.file, vm.node);
    if (volume?.vmid === vm.vmid && (!isCdrom(drive) || isCloudinit(drive)))
      cluster.storages.remove(drive.file, vm.node);
  }
}

/** The linked clone that still needs a base volume. */
export function clonesOf(cluster: Cluster, volid: string): string | undefined {
  return [...cluster.storages.volumes.values()].find((volume) => volume.parent === volid)?.volid;
}

/** Copies one drive to a new guest, as a full or linked clone. */
export function cloneDrive(
  cluster: Cluster,
  run: TaskRun,
  source: { vm: Vm; drive: Drive },
  target: Vm,
  full: boolean,
  wanted: { storage?: string; format?: string },
): string {
  const { drive, vm } = source;
  const [ownStore = ''] = drive.file.split(':');
  const from = cluster.storages.volume(drive.file, vm.node);
  if (from === undefined) throw new RunError(`volume '${drive.file}' does not exist`);
  const linked = !full && !isCloudinit(drive);
  run.say(`create ${linked ? 'linked' : 'full'} clone of drive ${drive.key} (${drive.file})`);
  if (linked) return cloneLinked(cluster, run, drive, vm, target, ownStore);
  const storeid = wanted.storage ?? ownStore;
  const storage = cluster.storages.onNode(storeid, target.node);
  const supported = cluster.storages.defaultFormat(storage) === 'raw' ? ['raw'] : ['qcow2', 'raw', 'vmdk'];
  const format =
    [wanted.format, from.format].find((one) => one !== undefined && supported.includes(one)) ??
    cluster.storages.defaultFormat(storage);
  const volid = isCloudinit(drive)
    ? cluster.storages.imageId(storage, target.vmid, `vm-${target.vmid}-cloudinit`, format)
    : cluster.storages.imageId(
        storage,
        target.vmid,
        cluster.storages.freeDiskName(storage, target.vmid, target.node),
        format,
      );
  addImage(cluster, target, volid, storeid, format, from.size, (line) => run.say(line));
  run.say(`allocated target volume '${volid}'`);
  return writeDrive({ ...drive, file: volid, options: { ...drive.options, size: formatSize(from.size) } });
}

function cloneLinked(cluster: Cluster, run: TaskRun, drive: Drive, vm: Vm, target: Vm, storeid: string): string {
  const storage = cluster.storages.onNode(storeid, target.node);
  const base = cluster.storages.volume(drive.file, vm.node);
  if (base === undefined) throw new RunError(`volume '${drive.file}' does not exist`);
  const [, name = ''] = drive.file.split(':');
  const fileBased = cluster.storages.defaultFormat(storage) === 'qcow2';
  const disk = cluster.storages.freeDiskName(storage, target.vmid, target.node);
  const file = fileBased ? `${disk}.${base.format}` : disk;
  run.say(
    fileBased
      ? `clone ${name}: images, ${file}, ${target.vmid} to ${file} (base=../${name})`
      : `Logical volume "${file}" created.`,
  );
  const volid = fileBased ? `${drive.file}/${target.vmid}/${file}` : `${storeid}:${file}`;
  if (base.format === 'qcow2') run.say(formattingLine(cluster.storages.path(volid), base.size, `../${name}`));
  cluster.storages.add(
    { ...base, volid, vmid: target.vmid, used: 528_384, ctime: cluster.seconds(), parent: drive.file },
    target.node,
  );
  return writeDrive({ ...drive, file: volid });
}

/** "1.0 GiB", as progress lines say sizes. */
export function humanSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  let value = bytes;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${value.toFixed(1)} ${units[at]}`;
}
