import type { PveApi, Resources } from './api.ts';
import { bootDisk, storagesOf } from './disk.ts';
import { PveError } from './error.ts';

/** What is known of a VM template that servers are cloned from. */
export interface TemplateFacts {
  readonly vmid: number;
  readonly node: string;
  readonly options: Readonly<Record<string, string>>;
  readonly isTemplate: boolean;
  /** Bytes of its boot disk; 0 when unknown. */
  readonly diskBytes: number;
  /** Storages of its disks. */
  readonly storages: readonly string[];
  /** Whether every node can reach all of them. */
  readonly shared: boolean;
}

const resourcesAgeMs = 5_000;
const templateAgeMs = 60_000;
const readMs = 30_000;

interface Kept<T> {
  readonly at: number;
  readonly value: Promise<T>;
}

/** What lists say, kept for seconds so that fifty servers ask once. */
export class Facts {
  readonly #api: PveApi;
  readonly #readMs: number;
  #resources: Kept<Resources> | undefined;
  readonly #templates = new Map<number, Kept<TemplateFacts | undefined>>();

  /** @param longest how long one question may take with all its tries, in milliseconds */
  constructor(api: PveApi, longest = readMs) {
    this.#api = api;
    this.#readMs = longest;
  }

  /** Nodes, storages and guests; at most 5 s old. @throws PveError */
  resources(): Promise<Resources> {
    const kept = this.#resources;
    if (kept !== undefined && performance.now() - kept.at < resourcesAgeMs) return kept.value;
    const value = inTime('GET /cluster/resources', this.#readMs, (signal) => this.#api.resources(signal));
    this.#resources = { at: performance.now(), value };
    value.catch(() => (this.#resources = undefined));
    return value;
  }

  /** The VM with that number; undefined when the token sees none. At most a minute old. @throws PveError */
  template(vmid: number): Promise<TemplateFacts | undefined> {
    const kept = this.#templates.get(vmid);
    if (kept !== undefined && performance.now() - kept.at < templateAgeMs) return kept.value;
    const value = this.#read(vmid);
    this.#templates.set(vmid, { at: performance.now(), value });
    value.then(
      (facts) => facts ?? this.#templates.delete(vmid),
      () => this.#templates.delete(vmid),
    );
    return value;
  }

  /** Forgets all, so that the next question is asked anew. */
  forget(): void {
    this.#resources = undefined;
    this.#templates.clear();
  }

  async #read(vmid: number): Promise<TemplateFacts | undefined> {
    const { guests, storages } = await this.resources();
    const row = guests.find((guest) => guest.vmid === vmid);
    if (row === undefined) return undefined;
    const read = (signal: AbortSignal) => this.#api.config(row.node, vmid, signal);
    const { options } = await inTime(`GET /nodes/${row.node}/qemu/${vmid}/config`, this.#readMs, read);
    const own = storagesOf(options);
    return {
      vmid,
      node: row.node,
      options,
      isTemplate: options['template'] === '1',
      diskBytes: bootDisk(options)?.bytes ?? 0,
      storages: own,
      shared: own.every((name) => storages.some((each) => each.storage === name && each.shared)),
    };
  }
}

/**
 * Asks within a time of its own, as many commands wait for the one answer and none of their ends may be the end of it. That time is up like
 * any other deadline: the hypervisor did not answer. @throws PveError
 */
async function inTime<T>(operation: string, ms: number, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(ms);
  try {
    return await ask(signal);
  } catch (cause) {
    if (!signal.aborted || cause instanceof PveError) throw cause;
    throw new PveError(operation, { status: 0, reason: 'no answer in time', reach: 'uncertain', cause });
  }
}
