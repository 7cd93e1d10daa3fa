/** What is known of a text that Proxmox VE fails with. */
export interface Known {
  readonly code: string;
  readonly text: RegExp;
  readonly cause: string;
  readonly remedy: string;
  /** Whether the same call may succeed a little later, without anyone doing anything. */
  readonly passes?: true;
}

/** The only place where texts of Proxmox VE are read. First match wins. */
export const known: readonly Known[] = [
  {
    code: 'PVE_VMID_EXISTS',
    text: /config file already exists|VM \d+ already exists|CT \d+ already exists/,
    cause: 'Another guest has this number.',
    remedy: 'Take the number out of the range that the site offers (vmids in the site config), or remove that guest.',
  },
  {
    code: 'PVE_STORAGE_FULL',
    text: /No space left on device|not enough (free )?space|out of space|insufficient free space|ENOSPC|quota exceeded/i,
    cause: 'The storage is full.',
    remedy: 'Free space on the storage or name another one in the site config, then try again.',
  },
  {
    code: 'PVE_THIN_POOL_FULL',
    text: /insufficient.*(thin|extents)|thin pool.*(full|exceed|threshold)|free space in thin pool|Cannot create new thin volume/i,
    cause: 'The LVM thin pool has no room for another volume.',
    remedy: 'Extend the pool (lvextend) or delete volumes, then try again.',
  },
  {
    code: 'PVE_LOCK_TIMEOUT',
    text: /got lock (request )?timeout|can't lock file .* - got timeout|lock.*timeout|unable to acquire lock/i,
    cause: 'Something else held the lock for too long, often another clone on the same storage.',
    remedy:
      'Try again; if it stays, look for a hanging task on that node or lower limits.clonesPerStorage in the site config.',
    passes: true,
  },
  {
    code: 'PVE_VOLUME_EXISTS',
    text: /File exists|disk image '[^']*' already exists|Logical Volume "[^"]*" already exists|dataset already exists/i,
    cause: 'A volume of an earlier guest with this number was left on the storage.',
    remedy:
      'Look at what it is (pvesm list <storage> --vmid <vmid>), then remove it: pvesm free <volume>. After that try again.',
  },
  {
    code: 'PVE_CHECKSUM',
    text: /checksum mismatch: got|mismatch \(got '|checksum.*does not match/i,
    cause: 'What was downloaded is not what the checksum says.',
    remedy:
      'Correct the checksum or the URL; a file that is there already with another content has to be removed first.',
  },
  {
    code: 'PVE_DOWNLOAD',
    text: /download failed|refusing to override existing file|unable to resolve host|HTTP request sent.*(4|5)\d\d/i,
    cause: 'The node could not download the file.',
    remedy: 'Check that the node reaches the URL (DNS, proxy, firewall), and that no other file has this name.',
  },
  {
    code: 'PVE_LOCKED',
    text: /(VM|CT|guest) is locked|is locked \(/i,
    cause: 'The guest is locked by another task.',
    remedy: 'Wait for that task, or clear a stale lock with `qm unlock <vmid>` on its node.',
  },
  {
    code: 'PVE_CHANGED',
    text: /checksum mismatch|file change by other user/,
    cause: 'Somebody else changed the configuration at the same moment.',
    remedy: 'Try again.',
    passes: true,
  },
  {
    code: 'PVE_NO_WORKER',
    text: /got no worker upid|start worker failed|unable to fork worker/,
    cause: 'The node could not start a task.',
    remedy: 'Try again; if it stays, the node is out of memory or processes.',
    passes: true,
  },
  {
    code: 'PVE_PERMISSION',
    text: /Permission check failed|permission denied|Forbidden/i,
    cause: 'The API token lacks a privilege.',
    remedy:
      'Grant the token (and its user) the missing privilege on that path; `truffle agent get` lists all that are missing.',
  },
  {
    code: 'PVE_AUTH',
    text: /^(No ticket|Authentication failed!?|authentication failure|no such user|invalid token)/i,
    cause: 'The API token is unknown, expired or its secret is wrong.',
    remedy: 'Put the right secret into tokenSecretFile of the site config, or make a new token.',
  },
  {
    code: 'PVE_NO_SUCH_VM',
    text: /unable to find configuration file for VM|Configuration file '[^']*' does not exist/,
    cause: 'The VM is not there, or not on that node.',
    remedy: 'Correct the image in the site config if it is the template that is missing.',
  },
  {
    code: 'PVE_IMAGE_MISSING',
    text: /volume '[^']*' does not exist|no such logical volume|Could not open '[^']*'|failed to find disk|No such file or directory/,
    cause: 'A disk or image that the VM is made from is not on the storage.',
    remedy: 'Restore the template’s disk, or name another template in the site config.',
  },
  {
    code: 'PVE_STORAGE_UNAVAILABLE',
    text: /storage '[^']*' (does not exist|is not (available|online|active)|is disabled)|no such storage/,
    cause: 'The storage is missing, disabled or not active on that node.',
    remedy: 'Enable the storage on the node or name another one in the site config.',
  },
  {
    code: 'PVE_BRIDGE_MISSING',
    text: /bridge '[^']*' does not exist|no such (bridge|vnet)|can't find bridge/i,
    cause: 'The node lacks the bridge that the network is mapped to.',
    remedy: 'Create the bridge on the node or correct networks in the site config.',
  },
  {
    code: 'PVE_LOCAL_STORAGE',
    text: /VM uses local storage/,
    cause: 'The template’s disk is on a storage that only its own node has.',
    remedy: 'Put the template on shared storage, or make one on each node and list all of them in the site config.',
  },
  {
    code: 'PVE_LOCAL_STORAGE',
    text: /can't live migrate VM with local disks|can't clone to non-shared storage/,
    cause: 'A disk is on a storage that only its own node has.',
    remedy: 'Move the disk to shared storage, or say that local disks are to be copied along.',
  },
  {
    code: 'PVE_MIGRATION',
    text: /migration aborted|can't migrate VM|online migrate failure/i,
    cause: 'The guest could not be moved; it is where it was.',
    remedy:
      'Read the log of the task: the other node has to be up, reachable from this one, and to have the storages and bridges.',
  },
  {
    code: 'PVE_SNAPSHOT_UNSUPPORTED',
    text: /snapshot feature is not available|savevm|query-savevm|unable to create snapshot/i,
    cause: 'A disk’s storage can’t take snapshots, or the hypervisor failed while it took one.',
    remedy:
      'Put the disks on a storage with snapshots (LVM-thin, ZFS, Ceph, qcow2); remove a half-made snapshot with `qm delsnapshot`.',
  },
  {
    code: 'PVE_SNAPSHOT_MISSING',
    text: /snapshot '[^']*' does not exist/,
    cause: 'The snapshot is not there.',
    remedy: 'Choose another one; `qm listsnapshot <vmid>` lists them.',
  },
  {
    code: 'PVE_HA',
    text: /used in HA resources|no such resource|ha groups have been migrated|unable to add non-existing resource/i,
    cause: 'High availability refuses the change.',
    remedy:
      'Look at Datacenter → HA; groups became rules with version 9 (leave ha.group out of the site config there).',
  },
  {
    code: 'PVE_LINKED_CLONES',
    text: /still in use by linked clone/,
    cause: 'Other guests are linked clones of this one’s disk.',
    remedy: 'Remove them first, or keep it.',
  },
  {
    code: 'PVE_SHRINK',
    text: /shrinking disks is not supported/,
    cause: 'A disk can only grow.',
    remedy: 'Ask for at least the size of the image’s disk.',
  },
  {
    code: 'PVE_MEMORY',
    text: /cannot allocate memory|Cannot allocate memory|not enough memory/,
    cause: 'The node has not enough free memory for the VM.',
    remedy: 'Stop something on the node, or ask for less memory.',
  },
  {
    code: 'PVE_PROTECTED',
    text: /protection mode enabled/,
    cause: 'The VM is protected against removal.',
    remedy: 'Clear it with `qm set <vmid> --protection 0` if the VM may go.',
  },
  {
    code: 'PVE_ROOT_ONLY',
    text: /only root can|Only root may|only allowed for root/i,
    cause: 'The option is reserved to root@pam; no API token may use it.',
    remedy: 'Leave the option out of the template VM.',
  },
  {
    code: 'PVE_AGENT_ABSENT',
    text: /QEMU guest agent is not running|No QEMU guest agent configured|guest-ping.*(failed|timeout)|Agent error/i,
    cause: 'The guest agent does not answer.',
    remedy: 'Install qemu-guest-agent in the image.',
    passes: true,
  },
  {
    code: 'PVE_NOT_RUNNING',
    text: /VM \d+ (is )?not running/,
    cause: 'The VM is not running.',
    remedy: 'Look into the VM’s console for why it stopped.',
  },
  {
    code: 'PVE_INTERRUPTED',
    text: /received interrupt|interrupted by signal|unexpected status/,
    cause: 'The task was stopped on the node.',
    remedy: 'Try again.',
  },
  {
    code: 'PVE_QUORUM',
    text: /no quorum|not ready - no quorum/i,
    cause: 'The Proxmox VE cluster lost its quorum and refuses changes.',
    remedy: 'Bring the missing nodes back.',
    passes: true,
  },
];
