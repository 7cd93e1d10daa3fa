import { type Call, flag, number, text, vmid } from '../call.ts';
import { requirePrivileges } from '../access/permission.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { HalfDone, ParameterError, PermissionError, RunError } from '../errors.ts';
import type { TaskRun } from '../task/task.ts';
import { requireBridges } from './bridge.ts';
import { cloneDrive, freeVolumes, humanSize } from './disk.ts';
import { drives, isCdrom, isCloudinit, isDisk } from './drive.ts';
import { requireMappings } from './update.ts';
import { type Config, type Vm, isTemplate, newVm, requireUnlocked } from './vm.ts';

interface Plan {
  source: Vm;
  newid: number;
  target: string;
  full: boolean;
  storage?: string;
  format?: string;
  pool?: string;
  name?: string;
  description?: string;
  snapname?: string;
}

/** POST …/clone: checks at once what it can, copies in a task. */
export function clone(call: Call): string {
  const { cluster } = call;
  const plan = read(call);
  check(call, plan);
  return cluster.tasks.fork(call.node, 'qmclone', plan.source.vmid, call.user, (run) =>
    cluster.flocks.with(plan.source.vmid, () => cluster.flocks.with(plan.newid, () => copy(cluster, run, plan)), {
      shared: plan.source.running === undefined,
    }),
  );
}

function read(call: Call): Plan {
  const { cluster, node } = call;
  const pool = text(call, 'pool');
  if (pool !== undefined && !cluster.pools.has(pool)) throw new PermissionError(`pool '${pool}' does not exist`);
  const storage = text(call, 'storage');
  if (storage !== undefined) cluster.storages.onNode(storage, node);
  const target = text(call, 'target') ?? node;
  if (!cluster.nodes.has(target)) throw new ParameterError({ target: `no such cluster node '${target}'` });
  const source = cluster.vms.get(vmid(call));
  if (source === undefined || source.node !== node)
    throw new RunError(`unable to find configuration file for VM ${vmid(call)} on node '${node}'`);
  const full = call.params['full'] === undefined ? !isTemplate(source) : flag(call, 'full');
  const optional = {
    storage,
    format: text(call, 'format'),
    pool,
    name: text(call, 'name'),
    description: text(call, 'description'),
    snapname: text(call, 'snapname'),
  };
  const plan: Plan = { source, newid: number(call, 'newid') ?? 0, target, full };
  return Object.assign(plan, Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)));
}

function check(call: Call, plan: Plan): void {
  const { cluster } = call;
  const { source } = plan;
  requireUnlocked(source);
  if (plan.snapname !== undefined && source.snapshots[plan.snapname] === undefined)
    throw new RunError(`snapshot '${plan.snapname}' does not exist`);
  if (!plan.full) {
    for (const name of ['storage', 'format'] as const) {
      if (plan[name] !== undefined) throw new RunError(`parameter '${name}' not allowed for linked clones`);
    }
    if (!isTemplate(source) && plan.snapname === undefined)
      throw new RunError('Linked clone feature is not supported for drives of a VM that is no template');
  }
  if (cluster.guestExists(plan.newid))
    throw new RunError(`unable to create VM ${plan.newid}: config file already exists`);
  requireMappings(call.user, source.config);
  requireBridges(cluster, call.user, source.config);
  for (const drive of drives(source.config)) {
    if (!isDisk(drive) && !isCloudinit(drive)) continue;
    const [own = ''] = drive.file.split(':');
    const storeid = plan.storage ?? own;
    requirePrivileges(cluster.access, call.user, `/storage/${storeid}`, ['Datastore.AllocateSpace']);
    const shared = cluster.storages.get(own).shared && cluster.storages.get(storeid).shared;
    if (plan.target !== source.node && !shared)
      throw new RunError(`can't clone VM to node '${plan.target}' (VM uses local storage)`);
  }
}

async function copy(cluster: Cluster, run: TaskRun, plan: Plan): Promise<void> {
  const { source, newid } = plan;
  if (cluster.guestExists(newid)) throw new RunError(`unable to create VM ${newid}: config file already exists`);
  const target = newVm(newid, source.node, { lock: 'clone', description: 'qmclone temporary file\n' });
  cluster.vms.set(newid, target);
  cluster.changed();
  run.say(`creating a clone of VM ${source.vmid} with ID ${newid}`);
  try {
    await copyDrives(cluster, run, plan, target);
  } catch (error) {
    if (error instanceof HalfDone) throw new RunError(`clone failed: ${error.message}`);
    freeVolumes(cluster, target, drives(target.config));
    forget(cluster, newid);
    throw new RunError(`clone failed: ${error instanceof Error ? error.message : String(error)}`);
  }
  delete target.config['lock'];
  target.node = plan.target;
  // Only now: until then a token that sees no more than the pool can't see it.
  if (plan.pool !== undefined) cluster.pools.get(plan.pool)?.vms.add(newid);
  cluster.changed();
}

async function copyDrives(cluster: Cluster, run: TaskRun, plan: Plan, target: Vm): Promise<void> {
  const { source } = plan;
  const origin =
    plan.snapname === undefined ? source.config : (source.snapshots[plan.snapname]?.config ?? source.config);
  const all = drives(origin).filter((drive) => !drive.key.startsWith('unused'));
  const copied = all.filter((drive) => isDisk(drive) || isCloudinit(drive));
  const config: Config = { ...freshConfig(cluster, origin, plan), lock: 'clone' };
  for (const drive of all) if (isCdrom(drive) && !isCloudinit(drive)) config[drive.key] = 'none,media=cdrom';
  if (cluster.faults.take('clone-dies', { vmid: plan.newid }) !== undefined) throw await died(cluster);
  const [storage = ''] = copied[0]?.file.split(':') ?? [];
  if (cluster.faults.take('storage-lock', { vmid: plan.newid, storage }) !== undefined)
    throw new HalfDone(`cfs-lock 'storage-${storage}' error: got lock request timeout`);
  if (copied.length === 0) target.config = config;
  const linkedShare = plan.full ? 1 : 0.1;
  for (const [at, drive] of copied.entries()) {
    run.checkStopped();
    const disk = !isCloudinit(drive);
    const volume = cloneDrive(cluster, run, { vm: source, drive }, target, plan.full, plan);
    if (disk) {
      const total = humanSize(cluster.storages.volume(drive.file, source.node)?.size ?? 0);
      if (plan.full) run.say(`transferred 0.0 B of ${total} (0.00%)`);
      await cluster.clock.sleep(
        (cluster.timing.cloneMs * linkedShare) / Math.max(1, copied.filter((one) => !isCloudinit(one)).length),
      );
      if (plan.full) run.say(`transferred ${total} of ${total} (100.00%)`);
    }
    config[drive.key] = volume;
    // What the new VM is called and described as is written with its first disk.
    target.config = config;
    if (at === copied.length - 1) cluster.changed();
  }
}

/** The worker is gone and nobody cleans up: the lock stays. */
function died(cluster: Cluster): Promise<never> {
  cluster.changed();
  return new Promise<never>(() => undefined);
}

function freshConfig(cluster: Cluster, origin: Config, plan: Plan): Config {
  const config: Config = {};
  for (const [key, value] of Object.entries(origin)) {
    if (/^(unused\d+|snapshots|parent|template|lock|vmstate|(ide|sata|scsi|virtio)\d+|efidisk0|tpmstate0)$/.test(key))
      continue;
    config[key] = /^net\d+$/.test(key)
      ? value.replace(/=([0-9A-F]{2}:){5}[0-9A-F]{2}/i, `=${cluster.random.mac()}`)
      : value;
  }
  config['name'] = plan.name ?? `Copy-of-VM-${origin['name'] ?? plan.source.vmid}`;
  if (plan.description !== undefined) config['description'] = plan.description;
  config['smbios1'] = `uuid=${cluster.random.uuid()}${(origin['smbios1'] ?? '').replace(/(^|,)?uuid=[^,]*/, '')}`;
  config['vmgenid'] = cluster.random.uuid();
  return config;
}

/** Removes a guest from the cluster and its pool. */
export function forget(cluster: Cluster, vmid: number): void {
  cluster.guests.powerOff(vmid);
  cluster.guests.forget(vmid);
  cluster.vms.delete(vmid);
  for (const pool of cluster.pools.values()) pool.vms.delete(vmid);
  cluster.changed();
}
