import type { Clock } from '../clock.ts';
import { Access } from '../access/access.ts';
import type { Tickets } from '../access/ticket.ts';
import { RunError } from '../errors.ts';
import type { Faults } from '../faults/faults.ts';
import { Flocks } from '../flock.ts';
import { HighAvailability } from '../ha/ha.ts';
import type { Guests } from '../guest/guests.ts';
import type { Random } from '../random.ts';
import { Reports } from './reports.ts';
import type { Vnet } from '../sdn/sdn.ts';
import { Storages } from '../storage/storage.ts';
import type { Tasks } from '../task/task.ts';
import type { Vm } from '../vm/vm.ts';

export interface Node {
  name: string;
  /** The address other nodes and clients know it by. */
  ip: string;
  cpus: number;
  memory: number;
  /** Bridges a guest can be attached to. */
  bridges: string[];
  online: boolean;
}

export interface Pool {
  poolid: string;
  comment?: string;
  vms: Set<number>;
  storages: Set<string>;
}

/** Times in milliseconds that make the simulated site fast or slow. */
export interface Timing {
  cloneMs: number;
  bootMs: number;
  /** How late refused log-ins are answered. */
  authDelayMs: number;
  /** How long a call waits for a guest agent that does not answer. */
  agentWaitMs: number;
  /** How long other disk work (create, resize, template, snapshot) takes. */
  diskMs: number;
  /** How often nodes report what lists show; 0 shows the truth at once, Infinity never reports. */
  statusIntervalMs: number;
  /** How late the resource manager of high availability acts on what it was asked. */
  haMs: number;
}

export interface ClusterParts {
  clock: Clock;
  random: Random;
  timing: Timing;
  tasks: Tasks;
  tickets: Tickets;
  faults: Faults;
}

/** The whole simulated site: every handler works on this. */
export class Cluster {
  readonly clock: Clock;
  readonly random: Random;
  readonly timing: Timing;
  readonly tasks: Tasks;
  readonly tickets: Tickets;
  readonly faults: Faults;
  readonly nodes = new Map<string, Node>();
  readonly vms = new Map<number, Vm>();
  readonly pools = new Map<string, Pool>();
  readonly storages = new Storages();
  readonly flocks: Flocks;
  readonly access: Access;
  readonly log: { user: string; msg: string; time: number; tag: string; pri: number }[] = [];
  /** Containers: only as far as clients probe them. */
  readonly containers = new Map<number, { node: string; config: Record<string, string> }>();
  /** Absent on a host that never joined a cluster. */
  clusterName: string | undefined = 'sim';
  /** The certificate console clients are told to trust. */
  caPem = '';
  readonly reports = new Reports();
  readonly ha = new HighAvailability();
  /** Virtual networks, by the name of their bridge. */
  readonly vnets = new Map<string, Vnet>();
  /** What `GET /version` says. */
  version = '9.2.11';
  guests!: Guests;
  /** Called after anything changed that should survive a restart. */
  changed: () => void = () => undefined;

  constructor(parts: ClusterParts) {
    this.clock = parts.clock;
    this.random = parts.random;
    this.timing = parts.timing;
    this.tasks = parts.tasks;
    this.tickets = parts.tickets;
    this.faults = parts.faults;
    this.flocks = new Flocks(parts.clock);
    this.access = new Access(
      (vmid) => [...this.pools.values()].find((pool) => pool.vms.has(vmid))?.poolid,
      (storage) => [...this.pools.values()].filter((pool) => pool.storages.has(storage)).map((pool) => pool.poolid),
    );
  }

  /** Seconds since the epoch. */
  seconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  /** The guest on that node. @throws {RunError} "Configuration file '…' does not exist" */
  vm(vmid: number, node: string): Vm {
    const vm = this.vms.get(vmid);
    if (vm === undefined || vm.node !== node)
      throw new RunError(`Configuration file 'nodes/${node}/qemu-server/${vmid}.conf' does not exist`);
    return vm;
  }

  guestExists(vmid: number): boolean {
    return this.vms.has(vmid) || this.containers.has(vmid);
  }

  nodeOf(vmid: number): string | undefined {
    return this.vms.get(vmid)?.node ?? this.containers.get(vmid)?.node;
  }
}
