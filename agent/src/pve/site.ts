import type { NumberMemory } from '../command/site.ts';
import type { HostKeys } from '../guest/host-keys.ts';
import type { PveApi } from './api.ts';
import type { Facts } from './facts.ts';
import type { Semaphores } from './semaphore.ts';

/** A network that templates may name. */
export interface SiteNetwork {
  /** The hypervisor's bridge. */
  readonly bridge: string;
  readonly vlan?: number;
  /** Addresses by VMID, for networks without DHCP or images without guest agent: the first belongs to the first VMID of the range. */
  readonly static?: { readonly first: string; readonly prefix: number; readonly gateway: string };
}

/** What the driver works with at one site. */
export interface PveSite {
  /** What the site is called where the cluster's own name is not known. */
  readonly name: string;
  readonly api: PveApi;
  readonly facts: Facts;
  /** Pool that new VMs belong to; undefined for none. */
  readonly pool: string | undefined;
  /** Storage for full clones and cloud-init drives, where a command names none. */
  readonly storage: string;
  /** All that a command may name, the one above included. */
  readonly storages: readonly string[];
  readonly clone: 'linked' | 'full';
  /** How guests learn who they are, where a command does not say. */
  readonly cloudInit: 'native' | 'no-cloud';
  /** Storage for the images that guests learn it from; undefined where there is none. */
  readonly isoStorage: string | undefined;
  /** Storage for downloaded images; undefined where none are imported. */
  readonly importStorage: string | undefined;
  /** High availability, where servers may ask for it. Groups are of versions before 9. */
  readonly ha: { readonly group: string | undefined } | undefined;
  /** The numbers that the site offers, both included. */
  readonly vmids: { readonly first: number; readonly last: number };
  /** VMIDs of the hypervisor's templates by image name: one, or one for each node with local storage. */
  readonly images: Readonly<Record<string, readonly number[]>>;
  /** Adds an image that was imported, for good. */
  readonly addImage: (name: string, vmid: number) => void;
  /** What is remembered of numbers across restarts. */
  readonly numbers: NumberMemory;
  /** The neighbours of the agent's host, as Linux shows them in `/proc/net/arp`; empty where there are none to be read. */
  readonly neighbours: () => Promise<string>;
  /** Which VM was seen last with an address. */
  readonly addresses: Map<string, number>;
  readonly networks: Readonly<Record<string, SiteNetwork>>;
  readonly sshUser: string;
  /** The agent's own key in OpenSSH's form, put into every server. */
  readonly sshPublicKey: string;
  /** Host keys of the servers' SSH servers. */
  readonly hostKeys: Pick<HostKeys, 'knows' | 'accepts'>;
  /** Clones at a time of one template, and onto one storage. */
  readonly perTemplate: Semaphores;
  readonly perStorage: Semaphores;
  /** Questions at a time to guest agents of one node: each that finds nobody holds one of the node's few workers for seconds. */
  readonly perAgentNode: Semaphores;
  readonly waits: Waits;
  /** Resolves when the guest's SSH server greets. @throws the signal's reason */
  readonly awaitSsh: (address: string, signal: AbortSignal) => Promise<void>;
}

/** Bounds in milliseconds. */
export interface Waits {
  /** For the guest agent to tell an address. */
  readonly addressMs: number;
  /** For the SSH server of an addressed guest. */
  readonly sshMs: number;
  /** For one node to answer when the site is looked over. */
  readonly nodeMs: number;
  /** For a guest to shut down by itself before it is stopped. */
  readonly shutdownMs: number;
  /** For another task to give a lock back. */
  readonly lockMs: number;
  /** For a call whose reply was lost to show its effect. */
  readonly lostReplyMs: number;
}
