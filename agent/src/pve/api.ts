// Long, as it is one short method for each call of the API that the driver makes.
import type { GuestUsage } from '../metric/sampler.ts';
import type { PveClient } from './client.ts';
import { PveError } from './error.ts';
import { type Row, numberOf, rowOf, rowsOf, textOf } from './json.ts';
import { parseUpid } from './upid.ts';
import { usageOf } from './usage.ts';

/** A guest as the cluster lists it: existence and node are right, the rest lags behind. */
export interface GuestRow {
  readonly vmid: number;
  readonly node: string;
  readonly template: boolean;
  readonly tags: readonly string[];
  /** Empty for none. */
  readonly pool: string;
  readonly usage: GuestUsage;
}

/** A storage on a node, or a shared one as that node sees it. */
export interface StorageRow {
  readonly storage: string;
  readonly node: string;
  readonly shared: boolean;
  readonly online: boolean;
  /** Kinds of content that it takes, such as `images` and `iso`. */
  readonly content: readonly string[];
  /** Bytes. */
  readonly total: number;
  readonly used: number;
}

export interface NodeRow {
  readonly node: string;
  readonly online: boolean;
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  readonly memoryUsed: number;
}

/** All that the cluster lists, from one call. */
export interface Resources {
  readonly nodes: readonly NodeRow[];
  readonly storages: readonly StorageRow[];
  readonly guests: readonly GuestRow[];
}

/** A VM's configuration: what is pending counts as if it were set. */
export interface VmConfig {
  /** Options as text. */
  readonly options: Readonly<Record<string, string>>;
  /** Changes with each change of the configuration. */
  readonly digest: string;
}

export interface TaskRow {
  readonly upid: string;
  readonly type: string;
  readonly id: string;
  readonly startTime: number;
  readonly running: boolean;
}

export interface VmStatus {
  readonly running: boolean;
  /** Empty for none. */
  readonly lock: string;
}

/** An address that was given to a card. */
export interface AddressLease {
  /** Lower case; empty for an address that is nobody's. */
  readonly mac: string;
  readonly address: string;
}

/** How long one look at the leases may take, in milliseconds. */
const leasesMs = 6_000;

/** A network card as the guest agent lists it. */
export interface GuestCard {
  /** Lower case. */
  readonly mac: string;
  readonly addresses: readonly string[];
}

/** The calls of Proxmox VE that this driver makes. Each throws PveError, or the signal's reason. */
export class PveApi {
  readonly client: PveClient;

  constructor(client: PveClient) {
    this.client = client;
  }

  async version(signal: AbortSignal): Promise<string> {
    return textOf(rowOf(await this.client.get('/version', {}, { signal })), 'version');
  }

  /** Name of the cluster; of the node where it stands alone; undefined when the token may not know (it needs Sys.Audit on `/`). */
  async clusterName(signal: AbortSignal): Promise<string | undefined> {
    try {
      const rows = rowsOf(await this.client.get('/cluster/status', {}, { signal }));
      const own = rows.find((row) => row['type'] === 'cluster') ?? rows.find((row) => row['local'] === 1);
      return own === undefined ? undefined : textOf(own, 'name');
    } catch (error) {
      if (error instanceof PveError && error.status === 403) return undefined;
      throw error;
    }
  }

  async resources(signal: AbortSignal): Promise<Resources> {
    const rows = rowsOf(await this.client.get('/cluster/resources', {}, { signal }));
    const of = (type: string): readonly Row[] => rows.filter((row) => row['type'] === type);
    return {
      nodes: of('node').map(nodeRow),
      storages: of('storage').map(storageRow),
      guests: of('qemu').map(guestRow),
    };
  }

  /** Whether no guest of any kind has the number, visible to the token or not. Reserves nothing. */
  async isFree(vmid: number, signal: AbortSignal): Promise<boolean> {
    try {
      await this.client.get('/cluster/nextid', { vmid }, { signal });
      return true;
    } catch (error) {
      if (error instanceof PveError && error.status === 400 && error.errors['vmid'] !== undefined) return false;
      throw error;
    }
  }

  /** The token's privileges on a path, inherited ones too. */
  async privilegesOn(path: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const rows = rowOf(await this.client.get('/access/permissions', { path }, { signal }));
    return new Set(Object.keys(rowOf(rows[path])));
  }

  /** Names of all roles; none for a token that may not list them. */
  async roles(signal: AbortSignal): Promise<ReadonlySet<string>> {
    try {
      const rows = rowsOf(await this.client.get('/access/roles', {}, { signal }));
      return new Set(rows.map((row) => textOf(row, 'roleid')));
    } catch (error) {
      if (error instanceof PveError && error.status === 403) return new Set();
      throw error;
    }
  }

  /** One try with a deadline of its own in milliseconds: a node with a dead storage answers nothing. */
  async bridges(node: string, deadlineMs: number, signal: AbortSignal): Promise<readonly string[]> {
    const path = `/nodes/${encodeURIComponent(node)}/network`;
    const rows = rowsOf(await this.client.get(path, { type: 'any_bridge' }, { node, signal, deadlineMs, tries: 1 }));
    return rows.map((row) => textOf(row, 'iface'));
  }

  async config(node: string, vmid: number, signal: AbortSignal): Promise<VmConfig> {
    const row = rowOf(await this.client.get(`${vmPath(node, vmid)}/config`, {}, { node, signal }));
    const { digest, ...options } = row;
    const texts = Object.keys(options).map((key) => [key, textOf(row, key)]);
    return { options: Object.fromEntries(texts), digest: typeof digest === 'string' ? digest : '' };
  }

  /** Synchronous; refused when `digest` is no longer the configuration's. */
  async setConfig(
    node: string,
    vmid: number,
    change: Readonly<Record<string, string>>,
    digest: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.client.put(
      `${vmPath(node, vmid)}/config`,
      { ...change, digest: digest === '' ? undefined : digest },
      { node, signal },
    );
  }

  /** Starts a clone on the template's node. @returns its UPID */
  async clone(
    node: string,
    template: number,
    params: Readonly<Record<string, string | number | undefined>>,
    signal: AbortSignal,
  ): Promise<string> {
    return upidOf(
      await this.client.post(`${vmPath(node, template)}/clone`, params, { node, signal }),
      `POST ${vmPath(node, template)}/clone`,
    );
  }

  /** @returns the UPID; undefined from versions that resize at once */
  async resize(
    node: string,
    vmid: number,
    disk: string,
    bytes: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const answer = await this.client.put(
      `${vmPath(node, vmid)}/resize`,
      { disk, size: sizeText(bytes) },
      { node, signal },
    );
    return parseUpid(answer) === undefined ? undefined : String(answer);
  }

  async power(
    node: string,
    vmid: number,
    action: 'start' | 'stop' | 'shutdown' | 'reboot' | 'reset',
    params: Readonly<Record<string, number>>,
    signal: AbortSignal,
  ): Promise<string> {
    const path = `${vmPath(node, vmid)}/status/${action}`;
    return upidOf(await this.client.post(path, params, { node, signal }), `POST ${path}`);
  }

  /** The truth about one VM, which lists are late to show. */
  async status(node: string, vmid: number, signal: AbortSignal): Promise<VmStatus> {
    const row = rowOf(await this.client.get(`${vmPath(node, vmid)}/status/current`, {}, { node, signal }));
    return { running: textOf(row, 'status') === 'running', lock: textOf(row, 'lock') };
  }

  async destroy(node: string, vmid: number, signal: AbortSignal): Promise<string> {
    const path = vmPath(node, vmid);
    const params = { purge: 1, 'destroy-unreferenced-disks': 1 };
    return upidOf(await this.client.delete(path, params, { node, signal }), `DELETE ${path}`);
  }

  /** Tasks (of the guest, where one is named) that the token may see, running ones too; newest first, at most 500. */
  async tasks(
    node: string,
    filter: { vmid?: number; type?: string; since?: number },
    signal: AbortSignal,
  ): Promise<readonly TaskRow[]> {
    const params = { vmid: filter.vmid, typefilter: filter.type, since: filter.since, source: 'all', limit: 500 };
    const rows = rowsOf(await this.client.get(`/nodes/${encodeURIComponent(node)}/tasks`, params, { node, signal }));
    return rows.map((row) => ({
      upid: textOf(row, 'upid'),
      type: textOf(row, 'type'),
      id: textOf(row, 'id'),
      startTime: numberOf(row, 'starttime'),
      running: row['endtime'] === undefined || textOf(row, 'status') === 'RUNNING',
    }));
  }

  /** What the IPAM of the cluster's virtual networks gave out, as far as the token may see it: it takes SDN.Audit on the network. */
  async leases(signal: AbortSignal): Promise<readonly AddressLease[]> {
    const path = '/cluster/sdn/ipams/pve/status';
    const rows = rowsOf(await this.client.get(path, {}, { signal, deadlineMs: leasesMs, tries: 1 }));
    return rows.map((row) => ({ mac: textOf(row, 'mac').toLowerCase(), address: textOf(row, 'ip') }));
  }

  /** Asks the guest agent; one try with a deadline of its own in milliseconds, as an absent agent can hold the call for minutes. */
  async guestCards(node: string, vmid: number, deadlineMs: number, signal: AbortSignal): Promise<readonly GuestCard[]> {
    const path = `${vmPath(node, vmid)}/agent/network-get-interfaces`;
    const answer = rowOf(await this.client.get(path, {}, { node, signal, deadlineMs, tries: 1 }));
    return rowsOf(answer['result']).map((card) => ({
      mac: textOf(card, 'hardware-address').toLowerCase(),
      addresses: rowsOf(card['ip-addresses']).map((address) => textOf(address, 'ip-address')),
    }));
  }

  /** A text file of the guest's, as its guest agent reads it; one try with a deadline of its own in milliseconds. */
  async guestFile(node: string, vmid: number, file: string, deadlineMs: number, signal: AbortSignal): Promise<string> {
    const path = `${vmPath(node, vmid)}/agent/file-read`;
    const answer = rowOf(await this.client.get(path, { file }, { node, signal, deadlineMs, tries: 1 }));
    return textOf(answer, 'content');
  }
}

/** `/nodes/<node>/qemu/<vmid>`. */
export function vmPath(node: string, vmid: number): string {
  return `/nodes/${encodeURIComponent(node)}/qemu/${vmid}`;
}

/** The task that an answer names. @throws PveError when it names none */
export function upidOf(answer: unknown, operation: string): string {
  if (parseUpid(answer) !== undefined) return String(answer);
  throw new PveError(operation, { status: 200, reason: 'the answer names no task', reach: 'uncertain' });
}

function sizeText(bytes: number): string {
  const gib = 2 ** 30;
  return bytes % gib === 0 ? `${bytes / gib}G` : `${Math.ceil(bytes / 2 ** 20)}M`;
}

function nodeRow(row: Row): NodeRow {
  return {
    node: textOf(row, 'node'),
    online: textOf(row, 'status') === 'online',
    cpu: numberOf(row, 'maxcpu'),
    memory: numberOf(row, 'maxmem'),
    memoryUsed: numberOf(row, 'mem'),
  };
}

function storageRow(row: Row): StorageRow {
  return {
    storage: textOf(row, 'storage'),
    node: textOf(row, 'node'),
    shared: numberOf(row, 'shared') === 1,
    online: textOf(row, 'status') === 'available',
    content: textOf(row, 'content')
      .split(',')
      .filter((each) => each !== ''),
    total: numberOf(row, 'maxdisk'),
    used: numberOf(row, 'disk'),
  };
}

function guestRow(row: Row): GuestRow {
  return {
    vmid: numberOf(row, 'vmid'),
    node: textOf(row, 'node'),
    template: numberOf(row, 'template') === 1,
    tags: textOf(row, 'tags')
      .split(/[;, ]+/)
      .filter((each) => each !== ''),
    pool: textOf(row, 'pool'),
    usage: usageOf(row),
  };
}
