import { type Call, flag, need, vmid } from '../call.ts';
import { listOf } from '../schema/format.ts';
import { RunError } from '../errors.ts';
import { readDrive } from './drive.ts';
import { apply } from './update.ts';
import { requireUnlocked } from './vm.ts';

/** PUT …/unlink: takes disks out; with `force` deletes them. */
export async function unlink(call: Call): Promise<null> {
  const { cluster, node } = call;
  const vm = cluster.vm(vmid(call), node);
  requireUnlocked(vm);
  const keys = listOf(need(call, 'idlist'));
  if (keys.length === 0) throw new RunError('no options specified');
  await cluster.flocks.with(vm.vmid, () => {
    const files = keys.map((key) => readDrive(key, vm.config[key] ?? '').file);
    apply(cluster, vm, { set: {}, remove: keys, revert: [] }, () => undefined);
    if (!flag(call, 'force')) return;
    for (const file of files) {
      cluster.storages.remove(file, node);
      for (const [key, value] of Object.entries(vm.config))
        if (key.startsWith('unused') && value === file) delete vm.config[key];
    }
  });
  return null;
}
