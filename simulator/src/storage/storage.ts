import { RunError } from '../errors.ts';

export interface Storage {
  storage: string;
  type: 'dir' | 'nfs' | 'lvmthin' | 'zfspool';
  content: string[];
  shared: boolean;
  /** Nodes that have it; all when unset. */
  nodes?: string[];
  path?: string;
  server?: string;
  export?: string;
  vgname?: string;
  thinpool?: string;
  /** Capacity in bytes. */
  total: number;
  enabled: boolean;
}

export interface Volume {
  volid: string;
  storage: string;
  /** Absent on shared storages: every node sees it. */
  node?: string;
  content: string;
  format: string;
  /** Bytes. */
  size: number;
  used: number;
  vmid?: number;
  /** Seconds since the epoch. */
  ctime: number;
  /** What an uploaded image holds, in base64: kept of small ones, as guests read them. */
  data?: string;
  /** The base volume of a linked clone. */
  parent?: string;
}

const isFileBased = (storage: Storage): boolean => storage.type === 'dir' || storage.type === 'nfs';

/** Storages and what lies on them. */
export class Storages {
  readonly byName = new Map<string, Storage>();
  readonly volumes = new Map<string, Volume>();

  /** @throws {RunError} "storage '…' does not exist" */
  get(name: string): Storage {
    const storage = this.byName.get(name);
    if (storage === undefined) throw new RunError(`storage '${name}' does not exist`);
    return storage;
  }

  /** The storage, when usable on the node. @throws {RunError} */
  onNode(name: string, node: string): Storage {
    const storage = this.get(name);
    if (!storage.enabled) throw new RunError(`storage '${name}' is disabled`);
    if (storage.nodes !== undefined && !storage.nodes.includes(node))
      throw new RunError(`storage '${name}' is not available on node '${node}'`);
    return storage;
  }

  visible(node: string): Storage[] {
    return [...this.byName.values()].filter((one) => one.nodes === undefined || one.nodes.includes(node));
  }

  private key(volid: string, node: string): string {
    const storage = this.byName.get(volid.split(':')[0] ?? '');
    return storage?.shared === true ? volid : `${node}|${volid}`;
  }

  volume(volid: string, node: string): Volume | undefined {
    return this.volumes.get(this.key(volid, node));
  }

  content(name: string, node: string): Volume[] {
    return [...this.volumes.values()].filter(
      (one) => one.storage === name && (one.node === undefined || one.node === node),
    );
  }

  add(volume: Volume, node: string): Volume {
    const stored = this.byName.get(volume.storage)?.shared === true ? volume : { ...volume, node };
    this.volumes.set(this.key(volume.volid, node), stored);
    return stored;
  }

  remove(volid: string, node: string): boolean {
    return this.volumes.delete(this.key(volid, node));
  }

  used(name: string, node: string): number {
    return this.content(name, node).reduce((sum, one) => sum + one.used, 0);
  }

  /** The name a new guest image gets. */
  imageId(storage: Storage, vmid: number, name: string, format: string): string {
    return isFileBased(storage) ? `${storage.storage}:${vmid}/${name}.${format}` : `${storage.storage}:${name}`;
  }

  /** A free `vm-N-disk-M`. */
  freeDiskName(storage: Storage, vmid: number, node: string): string {
    const taken = this.content(storage.storage, node).map((one) => one.volid);
    for (let at = 0; ; at += 1) {
      const name = `vm-${vmid}-disk-${at}`;
      if (!taken.some((volid) => volid.endsWith(name) || volid.includes(`${name}.`))) return name;
    }
  }

  defaultFormat(storage: Storage): string {
    return isFileBased(storage) ? 'qcow2' : 'raw';
  }

  /** Where a volume's file or block device is. */
  path(volid: string): string {
    const [name = '', rest = ''] = volid.split(/:(.*)/s);
    const storage = this.byName.get(name);
    if (storage === undefined) return volid;
    const base = storage.path ?? `/mnt/pve/${name}`;
    if (rest.startsWith('iso/') || rest.startsWith('vztmpl/'))
      return `${base}/template/${rest.replace('vztmpl/', 'cache/')}`;
    if (rest.startsWith('snippets/') || rest.startsWith('import/')) return `${base}/${rest}`;
    if (!isFileBased(storage)) return `/dev/${storage.vgname ?? 'pve'}/${rest}`;
    return `${base}/images/${rest.split('/').slice(-2).join('/')}`;
  }
}

/** The line qemu-img prints when it makes a qcow2 file. */
export function formattingLine(path: string, bytes: number, backing?: string): string {
  const clusters = backing === undefined ? 'cluster_size=65536 extended_l2=off' : 'cluster_size=131072 extended_l2=on';
  const base = backing === undefined ? '' : `backing_file=${backing} backing_fmt=qcow2 `;
  return `Formatting '${path}', fmt=qcow2 ${clusters} preallocation=metadata compression_type=zlib size=${bytes} ${base}lazy_refcounts=off refcount_bits=16`;
}
