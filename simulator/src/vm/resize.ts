import { type Call, need, text, vmid } from '../call.ts';
import { RunError } from '../errors.ts';
import { drives, formatSize, isDisk, isDriveKey, parseSize, readDrive, writeDrive } from './drive.ts';
import { digest, isTemplate, requireUnlocked } from './vm.ts';

/** PUT …/resize: a task since version 8. */
export function resize(call: Call): string {
  const { cluster, node } = call;
  const vm = cluster.vm(vmid(call), node);
  const disk = need(call, 'disk');
  const asked = need(call, 'size');
  const given = text(call, 'digest');
  if (given !== undefined && given !== digest(vm)) throw new RunError('checksum mismatch (file change by other user?)');
  requireUnlocked(vm);
  return cluster.tasks.fork(node, 'resize', vm.vmid, call.user, (run) =>
    cluster.flocks.with(vm.vmid, async () => {
      requireUnlocked(vm);
      const drive = drives(vm.config).find((one) => one.key === disk);
      if (drive === undefined) throw new RunError(`disk '${disk}' does not exist`);
      const volume = cluster.storages.volume(drive.file, node);
      if (!isDisk(drive) || volume === undefined) throw new RunError(`you can't resize a cdrom`);
      const delta = parseSize(asked.replace('+', '')) ?? 0;
      const size = Math.ceil((asked.startsWith('+') ? volume.size + delta : delta) / 1024) * 1024;
      if (size < volume.size) throw new RunError('shrinking disks is not supported');
      await cluster.clock.sleep(cluster.timing.diskMs);
      volume.size = size;
      vm.config[disk] = writeDrive({ ...drive, options: { ...drive.options, size: formatSize(size) } });
      if (size !== volume.size) run.say(`resized ${disk}`);
      cluster.changed();
    }),
  );
}

/** POST …/template: the disks become base images. */
export function makeTemplate(call: Call): string {
  const { cluster, node } = call;
  const vm = cluster.vm(vmid(call), node);
  const check = (): void => {
    requireUnlocked(vm);
    if (Object.keys(vm.snapshots).length > 0)
      throw new RunError('unable to create template, because VM contains snapshots');
    if (isTemplate(vm)) throw new RunError("you can't convert a template to a template");
    if (vm.running !== undefined) throw new RunError("you can't convert a VM to template if VM is running");
  };
  check();
  return cluster.tasks.fork(node, 'qmtemplate', vm.vmid, call.user, () =>
    cluster.flocks.with(vm.vmid, async () => {
      check();
      await cluster.clock.sleep(cluster.timing.diskMs);
      vm.config['template'] = '1';
      for (const [key, value] of Object.entries(vm.config)) {
        if (!isDriveKey(key)) continue;
        const drive = readDrive(key, value);
        const volume = cluster.storages.volume(drive.file, node);
        if (!isDisk(drive) || volume === undefined) continue;
        const base = drive.file.replace(/vm-(\d+)-disk/, 'base-$1-disk');
        cluster.storages.remove(drive.file, node);
        cluster.storages.add({ ...volume, volid: base }, node);
        vm.config[key] = writeDrive({ ...drive, file: base });
      }
      cluster.changed();
    }),
  );
}

/** POST …/move_disk: copies a disk to another storage. */
export function moveDisk(call: Call): string {
  const { cluster, node } = call;
  const vm = cluster.vm(vmid(call), node);
  const key = need(call, 'disk');
  const storeid = need(call, 'storage');
  requireUnlocked(vm);
  const storage = cluster.storages.onNode(storeid, node);
  const before = vm.config[key];
  if (before === undefined) throw new RunError(`disk '${key}' does not exist`);
  if (readDrive(key, before).file.split(':')[0] === storeid)
    throw new RunError("you can't move to the same storage with same format");
  return cluster.tasks.fork(node, 'qmmove', vm.vmid, call.user, (run) =>
    cluster.flocks.with(vm.vmid, async () => {
      const drive = readDrive(key, vm.config[key] ?? '');
      const volume = cluster.storages.volume(drive.file, node);
      if (volume === undefined) throw new RunError(`volume '${drive.file}' does not exist`);
      run.say(`create full clone of drive ${key} (${drive.file})`);
      await cluster.clock.sleep(cluster.timing.cloneMs);
      const format = text(call, 'format') ?? cluster.storages.defaultFormat(storage);
      const volid = cluster.storages.imageId(
        storage,
        vm.vmid,
        cluster.storages.freeDiskName(storage, vm.vmid, node),
        format,
      );
      cluster.storages.add({ ...volume, volid, storage: storeid, format }, node);
      if (call.params['delete'] === 1) cluster.storages.remove(drive.file, node);
      else vm.config['unused0'] = drive.file;
      vm.config[key] = writeDrive({ ...drive, file: volid });
      cluster.changed();
    }),
  );
}
