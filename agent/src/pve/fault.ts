import { PveError, PveTaskError } from './error.ts';

/** What is known of a text that Proxmox VE fails with. */
interface Known {
  readonly code: string;
  readonly text: RegExp;
  readonly cause: string;
  readonly remedy: string;
  /** Whether the same call may succeed a little later, without anyone doing anything. */
  readonly passes?: true;
}

// The only place where texts of Proxmox VE are read. First match wins.
const known: readonly Known[] = [
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

/** A failure of Proxmox VE, told by its text. */
export interface Fault {
  readonly code: string;
  readonly cause: string;
  readonly remedy: string;
  /** Whether the same call may succeed a little later by itself. */
  readonly passes: boolean;
}

/** Translates a text of Proxmox VE. */
export function faultOfText(text: string): Fault {
  const found = known.find((each) => each.text.test(text));
  if (found === undefined) {
    return {
      code: 'PVE_FAILED',
      cause: '',
      remedy: 'Read the log of the task in Proxmox VE, mend it, and try again.',
      passes: false,
    };
  }
  return { code: found.code, cause: found.cause, remedy: found.remedy, passes: found.passes === true };
}

/** Translates what a call or a task failed with; undefined for any other error. */
export function faultOf(error: unknown): Fault | undefined {
  if (error instanceof PveTaskError) return faultOfText(error.exitStatus);
  if (!(error instanceof PveError)) return undefined;
  if (error.status === 0)
    return unreachable(error.operation.startsWith('GET') ? 'PVE_UNREACHABLE' : 'PVE_NO_ANSWER', error);
  if (error.status >= 595) return unreachable('PVE_NODE_UNREACHABLE', error);
  if (error.status === 401) return faultOfText('Authentication failed');
  if (error.status === 403) return faultOfText('Permission check failed');
  return faultOfText(error.text);
}

function unreachable(code: string, error: PveError): Fault {
  const tls = /certificate|self.signed|altnames|issuer/i.test(error.reason);
  if (tls) {
    return {
      code: 'PVE_TLS',
      cause: 'The certificate is not signed by the pinned CA, or not for this host name.',
      remedy:
        'Put the cluster’s /etc/pve/pve-root-ca.pem into caFile, and a name or address of the certificate into urls.',
      passes: false,
    };
  }
  return {
    code,
    cause: 'The hypervisor or one of its nodes does not answer.',
    remedy: 'Check that the node is up and that its port 8006 can be reached from the agent.',
    passes: true,
  };
}
