import { type Call, flag, text, vmid } from '../call.ts';
import { requirePrivileges } from '../access/permission.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { ParameterError, RunError } from '../errors.ts';
import { listOf } from '../schema/format.ts';
import { requireBridges, storedCard } from './bridge.ts';
import { allocateDrive } from './disk.ts';
import { isDriveKey, readDrive } from './drive.ts';
import { type Config, type Vm, digest, requireUnlocked } from './vm.ts';

/** Parameters of the methods that are no options of the guest. */
const NOT_OPTIONS = new Set([
  'node',
  'vmid',
  'delete',
  'revert',
  'digest',
  'skiplock',
  'force',
  'background_delay',
  'import-working-storage',
  'archive',
  'pool',
  'storage',
  'start',
  'unique',
  'live-restore',
  'bwlimit',
  'ha-managed',
  'skip-undefined',
]);

/** Options that take effect on a running guest at once. */
const AT_ONCE =
  /^(description|hookscript|lock|migrate_downtime|migrate_speed|name|onboot|protection|shares|startup|tags|vmstatestorage|net\d+|usb\d+|(scsi|virtio|sata|ide)\d+|unused\d+|ciuser|cipassword|sshkeys|nameserver|searchdomain|ipconfig\d+|cicustom|ciupgrade|citype)$/;

/** Memory grows in a running guest where both hotplug and NUMA are on. */
function atOnce(vm: Vm, key: string): boolean {
  if (key === 'memory') return /memory/.test(vm.config['hotplug'] ?? '') && vm.config['numa'] === '1';
  return AT_ONCE.test(key);
}

/** The options of a request as text, in the form they are stored. */
export function optionsOf(call: Call): Config {
  const options: Config = {};
  for (const [key, value] of Object.entries(call.params)) {
    if (NOT_OPTIONS.has(key)) continue;
    options[key] = key === 'tags' ? sortedTags(String(value)) : String(value);
  }
  if (options['sshkeys'] !== undefined) options['sshkeys'] = sshkeys(options['sshkeys']);
  return options;
}

function sortedTags(value: string): string {
  return [...new Set(listOf(value.toLowerCase()))].sort().join(';');
}

function sshkeys(value: string): string {
  try {
    decodeURIComponent(value);
    return value;
  } catch {
    throw new ParameterError({ sshkeys: `invalid format - invalid urlencoded string: ${value}\n` });
  }
}

const ROOT_ONLY = /^(args|lock|hookscript|arch|affinity|hugepages|intel-tdx|ivshmem|parallel\d+|vmstatestorage)$/;
const NEEDED: [RegExp, string][] = [
  [/^(cores|sockets|cpu|cpulimit|cpuunits|vcpus|numa\d*|affinity|smp)$/, 'VM.Config.CPU'],
  [/^(memory|balloon|shares|allow-ksm|hugepages|keephugepages)$/, 'VM.Config.Memory'],
  [/^net\d+$/, 'VM.Config.Network'],
  [
    /^(ciuser|cipassword|sshkeys|searchdomain|nameserver|ipconfig\d+|cicustom|citype|ciupgrade)$/,
    'VM.Config.Cloudinit',
  ],
  [
    /^(bios|machine|scsihw|vga|keyboard|ostype|acpi|kvm|serial\d+|usb\d+|hostpci\d+|audio0|rng0|watchdog|localtime|tablet|freeze|startdate|hotplug|amd-sev|vmgenid|smbios1|tdf|spice_enhancements)$/,
    'VM.Config.HWType',
  ],
];

/** Demands what changing each option takes. */
export function requireOptionRights(
  cluster: Cluster,
  user: string,
  vmid: number,
  keys: readonly string[],
  values: Config,
  scope?: string,
): void {
  if (user === 'root@pam') return;
  const path = scope ?? `/vms/${vmid}`;
  for (const key of keys) {
    if (ROOT_ONLY.test(key)) throw new RunError(`only root can set '${key}' config`);
    const value = values[key];
    if (value !== undefined) requireMappings(user, { [key]: value });
    requirePrivileges(cluster.access, user, path, [privilegeFor(key, value)]);
  }
}

function privilegeFor(key: string, value: string | undefined): string {
  if (isDriveKey(key))
    return value !== undefined && readDrive(key, value).options['media'] === 'cdrom'
      ? 'VM.Config.CDROM'
      : 'VM.Config.Disk';
  return NEEDED.find(([pattern]) => pattern.test(key))?.[1] ?? 'VM.Config.Options';
}

/** Refuses the host's real devices to everybody but root: when they are set, and when a guest that has them is cloned. */
export function requireMappings(user: string, config: Config): void {
  if (user === 'root@pam') return;
  for (const [key, value] of Object.entries(config)) {
    if (/^serial\d+$/.test(key) && value !== 'socket')
      throw new RunError(`only root can set '${key}' config for real devices`);
    if (/^(usb|hostpci)\d+$/.test(key) && !/spice|mapping=/.test(value))
      throw new RunError(`only root can set '${key}' config for non-mapped devices`);
  }
}

/** Demands space on the storages that new drives name. */
export function requireDriveRights(cluster: Cluster, user: string, options: Config): void {
  for (const [key, value] of Object.entries(options)) {
    if (!isDriveKey(key)) continue;
    const [, storeid, , spec] =
      /^(([^:,]+):)?([^,]*)/
        .exec(readDrive(key, value).file)
        ?.slice(0, 4)
        .map((part) => part ?? '') ?? [];
    const store = storeid?.replace(':', '') ?? '';
    if (store === '' || (spec ?? '').startsWith('iso/')) continue;
    cluster.storages.get(store);
    requirePrivileges(cluster.access, user, `/storage/${store}`, ['Datastore.AllocateSpace']);
  }
}

interface Change {
  set: Config;
  remove: string[];
  revert: string[];
}

function read(call: Call): Change {
  return {
    set: optionsOf(call),
    remove: listOf(text(call, 'delete') ?? ''),
    revert: listOf(text(call, 'revert') ?? ''),
  };
}

function check(call: Call, vm: Vm, change: Change): void {
  const { cluster, user } = call;
  const keys = [...Object.keys(change.set), ...change.remove, ...change.revert];
  if (keys.length === 0) throw new RunError('no options specified');
  if (flag(call, 'skiplock') && user !== 'root@pam')
    throw new ParameterError({ skiplock: 'Only root may use this option.' });
  for (const key of change.remove) {
    if (Object.hasOwn(change.set, key))
      throw new ParameterError({ [key]: `cannot use '--delete ${key}' and '--${key}' at the same time` });
  }
  const given = text(call, 'digest');
  requireOptionRights(cluster, user, vm.vmid, keys, change.set);
  requireDriveRights(cluster, user, change.set);
  requireBridges(cluster, user, change.set);
  if (given !== undefined && given !== digest(vm)) throw new RunError('checksum mismatch (file change by other user?)');
  if (!flag(call, 'skiplock')) requireUnlocked(vm);
}

/** PUT …/config: done when it answers. */
export async function updateNow(call: Call): Promise<null> {
  const change = read(call);
  const vm = call.cluster.vm(vmid(call), call.node);
  check(call, vm, change);
  await call.cluster.flocks.with(vm.vmid, () =>
    apply(call.cluster, call.cluster.vm(vm.vmid, call.node), change, () => undefined),
  );
  return null;
}

/** POST …/config: checked now, done in a task. */
export function updateInTask(call: Call): string {
  const change = read(call);
  const vm = call.cluster.vm(vmid(call), call.node);
  check(call, vm, change);
  return call.cluster.tasks.fork(call.node, 'qmconfig', vm.vmid, call.user, (run) =>
    call.cluster.flocks.with(vm.vmid, () => {
      apply(call.cluster, call.cluster.vm(vm.vmid, call.node), change, (line) => run.say(line));
    }),
  );
}

/** Writes the change into the guest's configuration, or into what is pending while it runs. */
export function apply(cluster: Cluster, vm: Vm, change: Change, say: (line: string) => void): void {
  for (const key of change.revert) {
    delete vm.pending[key];
    vm.pendingDelete = vm.pendingDelete.filter((one) => one !== key);
  }
  for (const key of change.remove) removeOption(cluster, vm, key);
  for (const [key, value] of Object.entries(change.set)) {
    const stored = store(cluster, vm, key, value, say);
    vm.pendingDelete = vm.pendingDelete.filter((one) => one !== key);
    delete vm.pending[key];
    if (vm.running === undefined || atOnce(vm, key)) vm.config[key] = stored;
    else if (vm.config[key] !== stored) vm.pending[key] = stored;
  }
  cluster.guests.reconfigured(vm);
  cluster.changed();
}

function store(cluster: Cluster, vm: Vm, key: string, value: string, say: (line: string) => void): string {
  if (/^net\d+$/.test(key)) return storedCard(value, () => cluster.random.mac());
  if (key === 'smbios1' && !value.includes('uuid=')) return `${value},uuid=${cluster.random.uuid()}`;
  if (isDriveKey(key)) {
    const before = vm.config[key];
    const stored = allocateDrive(cluster, vm, key, value, say);
    if (before !== undefined && readDrive(key, before).file !== readDrive(key, stored).file) unuse(vm, key, before);
    return stored;
  }
  return value;
}

function removeOption(cluster: Cluster, vm: Vm, key: string): void {
  delete vm.pending[key];
  const before = vm.config[key];
  if (before === undefined) return;
  if (vm.running !== undefined && !AT_ONCE.test(key)) {
    if (!vm.pendingDelete.includes(key)) vm.pendingDelete.push(key);
    return;
  }
  delete vm.config[key];
  if (key.startsWith('unused')) cluster.storages.remove(readDrive(key, before).file, vm.node);
  else if (isDriveKey(key)) unuse(vm, key, before);
}

/** A disk taken out of its place stays with the guest as `unusedN`. */
function unuse(vm: Vm, key: string, text: string): void {
  const drive = readDrive(key, text);
  if (drive.options['media'] === 'cdrom' || !drive.file.includes(':')) return;
  for (let at = 0; ; at += 1) {
    if (vm.config[`unused${at}`] !== undefined) continue;
    vm.config[`unused${at}`] = drive.file;
    return;
  }
}

/** Moves what is pending into the configuration: happens when the guest starts. */
export function applyPending(vm: Vm): void {
  Object.assign(vm.config, vm.pending);
  for (const key of vm.pendingDelete) delete vm.config[key];
  vm.pending = {};
  vm.pendingDelete = [];
}
